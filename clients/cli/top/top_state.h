/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <limits.h>

#include "clients/cli/model/live_link.h"
#include "clients/cli/top/top_menu.h"
#include "clients/cli/top/top_options.h"
#include "clients/cli/top/top_page_detail.h"
#include "clients/cli/top/top_page_exited.h"
#include "clients/cli/top/top_page_table.h"
#include "clients/cli/top/top_prompt.h"
#include "clients/cli/top/top_view.h"

typedef struct Top Top;

/* What fills the screen. */
enum top_page {
        TOP_PAGE_TABLE,
        TOP_PAGE_DETAIL,
        TOP_PAGE_SHORT_LIVED,
        TOP_PAGE_HELP,
};

/* What takes the keys in the page's stead. */
enum top_dialog {
        TOP_DIALOG_NONE,
        TOP_DIALOG_SORT,                /* menus */
        TOP_DIALOG_COLUMNS,
        TOP_DIALOG_USER,
        TOP_DIALOG_SEARCH,              /* prompts */
        TOP_DIALOG_FILTER,
        TOP_DIALOG_INTERVAL,
};

/* All of the screen: top-screen.c owns it, top-act.c changes it. */
struct Top {
        const TopOptions *options;
        Screen screen;
        LiveLink link;
        Live live;
        Live *frozen;                   /* NULL: not paused */
        Users users;
        TopSettings settings;
        TopSettings settings_written;   /* as the file has them */
        char settings_path[PATH_MAX];   /* "": there is no place for it */

        enum top_page page;
        enum top_page page_before;      /* where the help was called */
        enum top_dialog dialog;
        TopPageTable table;
        TopPageDetail detail;
        TopPageExited ended;
        TopMenu menu;
        TopPrompt prompt;
        bool search_failed;
        size_t help_first;
        size_t help_lines;

        char message[CONNECTION_TEXT_MAX];
        enum screen_style message_style;
        uint64_t message_until;         /* clock_now_ns(); 0: there is none */

        bool stale;                     /* rows have come or gone: the table must be made before it is used */
        bool dirty;                     /* the picture is not what there is */
        bool reopen;                    /* the settings ask for other samples */
        uint64_t reopen_at;             /* clock_now_ns(): not before */
        bool quit;
};

void top_view(const Top *top, TopView *view);
void top_refresh(Top *top);
void top_actions_apply(Top *top, uint32_t key);
__attribute__((format(printf, 3, 4))) void top_say(Top *top, enum screen_style style, const char *format, ...);
