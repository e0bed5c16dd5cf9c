// Opens traces in the viewer of chrome://tracing (Debian's golang-1.19-src carries it) and compares what the viewer made of
// them with the files, read here by JSON.parse, and with the report of the same run.
//     node trace_viewer_test.mjs WORK_FOLDER PPSIM [TRACE...]
// WORK_FOLDER has node_modules, and gets traces and screenshots.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';

const here = dirname(fileURLToPath(import.meta.url));
const root = resolve(here, '../..');
const work = resolve(process.argv[2]);
const ppsim = resolve(process.argv[3]);
const given = process.argv.slice(4);
const viewer = process.env.TRACE_VIEWER ?? '/usr/share/go-1.19/src/cmd/trace/static';
const chromium = process.env.CHROMIUM ?? '/usr/bin/chromium';
const { chromium: browserType } = createRequire(join(work, 'package.json'))('playwright-core');

const counts = { passed: 0, failed: 0 };

/// One check: `actual` and `expected` are equal as JSON.
function check(what, actual, expected) {
  const same = JSON.stringify(actual) === JSON.stringify(expected);
  counts[same ? 'passed' : 'failed'] += 1;
  if (!same) {
    const short = (value) => String(JSON.stringify(value)).slice(0, 600);
    console.log(`FAILED ${what}\n  got      ${short(actual)}\n  expected ${short(expected)}`);
  }
}

// ---- what is opened -------------------------------------------------------------------------------------------------

// Each hop lasts longer than what it follows, so that transfers overlap and need lanes.
const slowLink = {
  costs: { forward: '1 ms', backward: '2 ms', transfer: '5 MB', activation: '1 MB', link: { bandwidth: '1 GB/s', latency: '5 us' } },
  parallelism: { pipeline: 3, micro_batches: 6 },
  schedule: { name: 'gpipe' },
};

function simulate(config, trace) {
  const report = execFileSync(ppsim, ['simulate', config, '--trace', trace, '--json'], { cwd: root, encoding: 'utf8' });
  return { trace, report: JSON.parse(report) };
}

/// A prediction and what was measured, in one trace. It is no report of one run.
function compareRuns(config, trace) {
  const measured = join(dirname(trace), 'measured.csv');
  execFileSync(ppsim, ['simulate', config, '--set', '/simulation/noise/gpu_speed/rank 1=0.9', '--timeline', measured], { cwd: root });
  execFileSync(ppsim, ['compare-runs', measured, '--config', config, '--trace', trace], { cwd: root });
  return { trace };
}

/// [{trace, report}]: one of each sort of run, one of them packed.
function makeTraces() {
  const folder = join(work, 'traces');
  mkdirSync(folder, { recursive: true });
  const slow = join(folder, 'slow_link.config.json');
  writeFileSync(slow, JSON.stringify(slowLink));
  return [
    simulate('configs/seed_4x8.json', join(folder, 'seed_4x8.json')),
    simulate('configs/interleaved_4gpu.json', join(folder, 'interleaved_4gpu.json')),
    simulate('configs/inference_2gpu.json', join(folder, 'inference_2gpu.json.gz')),
    simulate(slow, join(folder, 'slow_link.json')),
    compareRuns(slow, join(folder, 'two_runs.json')),
  ];
}

function readTrace(path) {
  const bytes = readFileSync(path);
  return JSON.parse((path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8'));
}

// ---- what the file says ----------------------------------------------------------------------------------------------

const nanoseconds = (microseconds) => Math.round(microseconds * 1000);

/// The rows that the file's metadata describe: [{pid, name, threads: [{tid, name}]}], each in its sort order.
function rowsOf(events) {
  const processes = new Map();
  const threads = new Map();
  for (const { ph, name, pid, tid, args } of events) {
    if (ph !== 'M') continue;
    if (name.startsWith('process_')) processes.set(pid, { ...processes.get(pid), pid, ...args });
    if (name.startsWith('thread_')) threads.set(tid, { ...threads.get(tid), pid, tid, ...args });
  }
  const sorted = (rows) => [...rows].sort((a, b) => a.sort_index - b.sort_index);
  return sorted(processes.values()).map(({ pid, name }) => ({
    pid,
    name,
    threads: sorted(threads.values()).filter((thread) => thread.pid === pid).map(({ tid, name }) => ({ tid, name })),
  }));
}

const sliceOf = (event) => ({
  title: event.name,
  category: event.cat,
  start: nanoseconds(event.ts),
  duration: nanoseconds(event.dur),
  args: event.args,
});

// ---- the checks ------------------------------------------------------------------------------------------------------

function checkModel(label, events, model) {
  check(`${label}: no import warning`, model.warnings, []);
  const rows = model.processes.map(({ pid, name, threads }) => ({
    pid,
    name,
    threads: threads.map(({ tid, name }) => ({ tid, name })),
  }));
  check(`${label}: rows, their names and order`, rows, rowsOf(events));
  for (const process of model.processes) {
    for (const thread of process.threads) {
      const expected = events.filter((event) => event.ph === 'X' && event.tid === thread.tid).map(sliceOf);
      const actual = thread.slices.map(({ title, category, start, duration, args }) => ({
        title,
        category,
        start: Math.round(start * 1e6),
        duration: Math.round(duration * 1e6),
        args,
      }));
      check(`${label}: slices of ${process.name}, ${thread.name}`, actual, expected);
      check(`${label}: no slice lies in another on ${process.name}, ${thread.name}`,
        thread.slices.filter((slice) => slice.nested).map((slice) => slice.title), []);
    }
    checkCounters(`${label}: ${process.name}`, process, events);
  }
  checkFlows(label, events, model);
}

function checkCounters(label, process, events) {
  const expected = events.filter((event) => event.ph === 'C' && event.pid === process.pid);
  check(`${label} has one counter`, process.counters.length, 1);
  const [series] = process.counters[0].series;
  check(`${label}: counter's samples`, series.samples.map(([at, value]) => [Math.round(at * 1e6), value]),
    expected.map((event) => [nanoseconds(event.ts), event.args.bytes]));
  check(`${label}: counter's totals`, process.counters[0].totals, expected.map((event) => event.args.bytes));
}

function checkFlows(label, events, model) {
  const starts = events.filter((event) => event.ph === 's');
  check(`${label}: every flow that begins is drawn`, model.flows.length, starts.length);
  check(`${label}: there are flows`, starts.length > 0, true);
  check(`${label}: every flow joins two slices`, model.flows.filter((flow) => !flow.from || !flow.to), []);
  const transfers = model.flows.filter((flow) => flow.category === 'transfer');
  check(`${label}: a transfer's flow joins a send to its receive`,
    transfers.filter((flow) => flow.from.replace('send', 'receive') !== flow.to), []);
}

/// The report knows the same run by other means.
function checkReport(label, report, model) {
  check(`${label}: a process a rank`, model.processes.map((process) => process.pid), report.per_rank.map(({ rank }) => rank));
  for (const rank of report.per_rank) {
    const process = model.processes[rank.rank];
    const compute = process.threads.find((thread) => thread.name === 'compute');
    const busy = compute.slices.reduce((sum, slice) => sum + Math.round(slice.duration * 1e6), 0);
    check(`${label}: rank ${rank.rank} is busy as long as the report says`, busy, rank.busy_ns);
    const totals = process.counters[0].totals;
    const [peak, last] = report.forward_only ? [rank.kv_cache_bytes, rank.kv_cache_bytes] : [rank.peak_activation_bytes, 0];
    check(`${label}: rank ${rank.rank}'s counter peaks as the report says`, Math.max(...totals), peak);
    check(`${label}: rank ${rank.rank}'s counter ends as the report says`, totals.at(-1), last);
  }
}

function checkLanes(label, events) {
  const names = events.filter((event) => event.name === 'thread_name').map((event) => event.args.name);
  check(`${label}: overlapping transfers take lanes`, names.includes('send 2') && names.includes('receive 2'), true);
}

// ---- the browser -----------------------------------------------------------------------------------------------------

function serve(files) {
  const server = createServer((request, response) => {
    const file = files.get(new URL(request.url, 'http://localhost').pathname);
    if (!file) return response.writeHead(404).end();
    response.writeHead(200, { 'Content-Type': file.type });
    return response.end(file.bytes ?? readFileSync(file.path));
  });
  return new Promise((done) => server.listen(0, '127.0.0.1', () => done(server)));
}

async function launch(profile) {
  return browserType.launchPersistentContext(profile, {
    executablePath: chromium,
    headless: true,
    viewport: { width: 1600, height: 900 },
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'],
  });
}

/// The viewer warns that it runs on a polyfill; that is no part of the picture.
async function hideWarning(page) {
  const hide = page.getByText('Hide', { exact: true });
  if (await hide.count()) await hide.first().click({ timeout: 5000 }).catch(() => {});
}

async function testTrace(page, label, { trace, report }, files) {
  const { traceEvents: events } = readTrace(trace);
  const text = JSON.stringify({ displayTimeUnit: 'ms', traceEvents: events });
  const packed = trace.endsWith('.gz');
  const bytes = readFileSync(trace);
  files.set('/trace', { type: 'application/octet-stream', bytes });
  files.set('/trace.other', { type: 'application/octet-stream', bytes: packed ? Buffer.from(text) : gzipSync(bytes) });
  const open = (url, binary) => page.evaluate(([u, b]) => openTrace(u, b), [url, binary]);
  const other = await open('/trace.other', !packed);
  const model = await open('/trace', packed);
  checkModel(label, events, model);
  check(`${label}: packed or not, it reads the same`, other, model);
  if (report) checkReport(label, report, model);
  if (label.startsWith('slow_link')) checkLanes(label, events);
  await hideWarning(page);
  await page.waitForTimeout(500);  // the viewer draws in animation frames
  await page.screenshot({ path: join(work, `${label.replace(/\.json(\.gz)?$/, '')}.png`) });
}

async function main() {
  for (const needed of [viewer, chromium, ...(given.length ? given : [ppsim])]) {
    if (!existsSync(needed)) throw new Error(`${needed} is not there`);
  }
  const files = new Map([
    ['/', { type: 'text/html', path: join(here, 'viewer.html') }],
    ['/trace_viewer_full.html', { type: 'text/html', path: join(viewer, 'trace_viewer_full.html') }],
    ['/webcomponents.min.js', { type: 'text/javascript', path: join(viewer, 'webcomponents.min.js') }],
  ]);
  const runs = given.length ? given.map((trace) => ({ trace })) : makeTraces();
  const server = await serve(files);
  const profile = mkdtempSync(join(tmpdir(), 'ppsim-browser-'));
  const context = await launch(profile);
  try {
    for (const run of runs) {
      const page = await context.newPage();
      const complaints = [];
      page.on('pageerror', (error) => complaints.push(error.message));
      await page.goto(`http://127.0.0.1:${server.address().port}/`);
      await page.waitForFunction(() => window.viewerReady, null, { timeout: 60_000 });
      await testTrace(page, basename(run.trace), run, files);
      check(`${basename(run.trace)}: the viewer throws nothing`, complaints, []);
      await page.close();
    }
  } finally {
    await context.close();
    server.close();
    rmSync(profile, { recursive: true, force: true });
  }
}

try {
  await main();
} catch (error) {
  console.log(error.stack);
  counts.failed += 1;
}
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exitCode = counts.failed ? 1 : 0;
