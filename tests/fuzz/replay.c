/* SPDX-License-Identifier: Apache-2.0 */

/* main() of a fuzz target where there is no libFuzzer: runs it over files and directories of files. */

#undef NDEBUG

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/fuzz/fuzz.h"

static size_t n_replayed;

static int replay_file(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        size_t n = (size_t)st->st_size;
        uint8_t *data;
        FILE *file;

        (void)ftw;
        if (type != FTW_F)
                return 0;
        file = fopen(path, "rb");
        data = malloc(n ? n : 1);
        assert(file && data);
        assert(fread(data, 1, n, file) == n);
        fclose(file);

        /* The path is printed first, so that a crash can be assigned to its file. */
        fprintf(stderr, "%s\n", path);
        (void)LLVMFuzzerTestOneInput(data, n);
        free(data);
        ++n_replayed;
        return 0;
}

int main(int argc, char **argv) {
        for (int i = 1; i < argc; ++i) {
                if (nftw(argv[i], replay_file, 16, FTW_PHYS) != 0) {
                        fprintf(stderr, "Cannot read %s: %s.\n", argv[i], strerror(errno));
                        return 1;
                }
        }
        printf("%zu inputs\n", n_replayed);
        /* a corpus that is not found is no test */
        return n_replayed > 0 ? 0 : 1;
}
