#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A client in shell, written from docs/protocol.md alone, with protoc and socat. It prints the
# live processes, their forks and their exits, a line each, until the broker refuses it:
#
#   shell_client.sh SOCKET FOLDER_OF_THE_PROTO_FILES
#
#   task 1 1-42582970000000 init
#   fork 100 100-42583029246969 init
#   exit 100 100-42583029246969 sh status 3
#   lost 17 CONNECTOR
#
# It subscribes again after each break, and goes on where it was if the broker still has the place.

set -euo pipefail

socket=$1
protos=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# The place to go on from; empty: none.
feed=""
epoch=""
next_number=""

codec() {
        protoc --proto_path="$protos" "--$1=taskbroker.v1.$2" taskbroker/v1/broker.proto
}

# send TEXT: a request in protobuf's text form, behind its length.
send() {
        local n bytes=""

        codec encode ClientMessage <<<"$1" >"$scratch/request"
        n=$(stat -c %s "$scratch/request")
        while ((n > 127)); do
                bytes+=$(printf '\\x%02x' $((n & 127 | 128)))
                n=$((n >> 7))
        done
        bytes+=$(printf '\\x%02x' "$n")
        { printf '%b' "$bytes"; cat "$scratch/request"; } >&4
}

# receive: the next message in protobuf's text form, in $scratch/message. Status 1: the broker has closed the connection.
receive() {
        local byte n=0 shift=0

        while :; do
                byte=$(head -c 1 <&3 | od -An -tu1)
                [[ -n $byte ]] || return 1
                n=$((n | (byte & 127) << shift))
                shift=$((shift + 7))
                ((byte & 128)) || break
        done
        head -c "$n" <&3 >"$scratch/frame"
        (($(stat -c %s "$scratch/frame") == n)) || return 1
        codec decode ServerMessage <"$scratch/frame" >"$scratch/message"
}

# value PATH: a field of the message, such as .subscribed.feed. Empty: it is absent.
value() {
        awk -v wanted="$1" '
                / \{$/ { path = path "." $1; next }
                /^ *\}$/ { sub(/\.[^.]*$/, "", path); next }
                path "." substr($1, 1, length($1) - 1) == wanted { print $2; exit }' "$scratch/message"
}

# Prints the tasks or the events of a message, and keeps the number of the next event.
show() {
        awk -v number="$(value .event_batch.first_number)" '
                function show_event() {
                        if ("loss" in seen) {
                                print "lost", of["loss.count"] + 0 (("loss.at_least" in of) ? "+" : ""), \
                                      substr(of["loss.source"], length("LOSS_SOURCE_") + 1)
                                number += of["loss.source"] == "LOSS_SOURCE_READER" ? of["loss.count"] : 1
                                return
                        }
                        number += 1
                        id = of["pid"] "-" (("start_boot_ns" in of) ? of["start_boot_ns"] : "?")
                        if ("fork" in seen)
                                print "fork", of["pid"], id, of["comm"]
                        if (!("exit" in seen))
                                return
                        end = "status unknown"
                        if ("exit.termination" in seen)
                                end = ("exit.termination.term_signal" in of) ? \
                                      "signal " of["exit.termination.term_signal"] : \
                                      "status " of["exit.termination.exit_code"] + 0
                        print "exit", of["pid"], id, of["comm"], end
                }
                / \{$/ {
                        path = path "." $1
                        if ($1 == "events" || $1 == "tasks") {
                                delete of
                                delete seen
                                row = path
                        } else if (row != "")
                                seen[substr(path, length(row) + 2)] = 1
                        next
                }
                /^ *\}$/ {
                        if (path == row && row ~ /events$/)
                                show_event()
                        if (path == row && row ~ /tasks$/)
                                print "task", of["pid"], of["pid"] "-" of["start_boot_ns"], of["comm"]
                        if (path == row)
                                row = ""
                        sub(/\.[^.]*$/, "", path)
                        next
                }
                row != "" {
                        name = substr($1, 1, length($1) - 1)
                        text = substr($0, index($0, ": ") + 2)
                        gsub(/^"|"$/, "", text)
                        of[substr(path "." name, length(row) + 2)] = text
                }
                END { if (number != "") print number >"/dev/stderr" }' "$scratch/message" 2>"$scratch/number"
        [[ ! -s $scratch/number ]] || next_number=$(<"$scratch/number")
}

subscribe() {
        local resume=""

        [[ -z $feed ]] || resume="resume { epoch: $epoch feed: $feed next_number: $next_number }"
        send "request_id: 1 subscribe { kinds: EVENT_KIND_FORK kinds: EVENT_KIND_EXIT snapshot: true $resume }"
}

# A connection, from its Welcome to its end. Status 1: connect again.
follow() {
        receive || return 1
        [[ $(value .welcome.protocol) == 1 ]] || { cat "$scratch/message" >&2; exit 2; }
        [[ $epoch == "$(value .welcome.epoch)" ]] || feed=
        epoch=$(value .welcome.epoch)
        subscribe
        while receive; do
                if [[ -n $(value .subscribed.feed) ]]; then
                        [[ -n $(value .subscribed.resumed) ]] || echo "new"
                        feed=$(value .subscribed.feed)
                        next_number=$(value .subscribed.next_number)
                elif [[ $(value .error.code) == ERROR_CODE_RESUME_IMPOSSIBLE ]]; then
                        feed=
                        subscribe
                elif [[ -n $(value .error.code) ]]; then
                        echo "error $(value .error.code)"
                        [[ $(value .error.code) == ERROR_CODE_STOPPING ]] || exit 2
                fi
                show
        done
        return 1
}

while :; do
        coproc broker { socat - "UNIX-CONNECT:$socket" 2>/dev/null; }
        # bash closes its own descriptors when socat has ended, before all is read
        exec 3<&"${broker[0]}" 4>&"${broker[1]}"
        follow || true
        exec 3<&- 4>&-
        wait
        sleep 0.1
done
