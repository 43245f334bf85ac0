// SPDX-License-Identifier: Apache-2.0
//
// A live page of events, by plain http and Server-Sent Events. It prints its address; PORT is another port than 8000.
//
// Each reader of the page sees what the user who runs this program may see, and each user of this machine can open the
// page. So do not run it as root, and let it listen on this machine only.

import { createServer } from "node:http";
import { connect, LiveProcesses, stringify } from "taskbroker";

const PAGE = `<!doctype html>
<meta charset="utf-8"><title>Processes</title>
<style>body { font: 14px monospace } td { padding: 0 1em } .loss, .link { color: red }</style>
<p><b id="count"></b></p><table id="rows"></table>
<script>
  const rows = document.getElementById("rows");
  const source = new EventSource("events");
  source.onerror = () => { document.getElementById("count").textContent = "the program has gone"; };
  source.addEventListener("count", (message) => { document.getElementById("count").textContent = message.data; });
  source.onmessage = (message) => {
    const event = JSON.parse(message.data);
    const row = rows.insertRow(0);
    row.className = event.kind;
    const end = event.term_signal ? "signal " + event.term_signal : event.exit_code;
    for (const text of [event.kind, event.pid, event.comm, end, event.missing, event.reason]) {
      row.insertCell().textContent = text ?? "";
    }
    if (rows.rows.length > 200) rows.deleteRow(-1);
  };
</script>`;

/** @type {Set<import("node:http").ServerResponse>} */
const readers = new Set();
const table = new LiveProcesses();

/** @param {string} text */
function send(text) {
  for (const reader of readers) {
    // a browser that does not read gets no more: it shows a gap, and connects again
    if (reader.writableLength > 1 << 20) reader.destroy();
    else reader.write(text);
  }
}

const server = createServer((request, response) => {
  if (request.url !== "/events") {
    response.setHeader("Content-Type", "text/html").end(PAGE);
    return;
  }
  response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
  response.on("close", () => readers.delete(response));
  readers.add(response);
});
server.listen(Number(process.env["PORT"] ?? 8000), "127.0.0.1", () => {
  const address = server.address();
  if (typeof address === "object") console.log(`http://127.0.0.1:${address?.port ?? 0}/`);
});

setInterval(() => {
  send(`event: count\ndata: ${table.size} processes${table.complete ? "" : ", not up to date"}\n\n`);
}, 1000).unref();

const client = await connect();
const stream = client.events({ kinds: LiveProcesses.KINDS, snapshot: true, maxDelayMs: 250 });
for await (const value of table.follow(stream)) {
  if (value.kind === "task" || value.kind === "snapshot_end") continue;
  send(`data: ${stringify(value)}\n\n`);
}
