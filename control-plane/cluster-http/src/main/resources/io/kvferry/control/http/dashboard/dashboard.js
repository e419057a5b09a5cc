'use strict';

const KEPT_SAMPLES = 300;
const KEPT_EVENTS = 100;
const MINUTE = 60_000;

const samples = [];
const charts = [];
const element = id => document.getElementById(id);

// ---- numbers for people

function scaled(value, base, units) {
  let unit = 0;
  while (value >= base && unit < units.length - 1) {
    value /= base;
    unit++;
  }
  return `${value >= 100 || unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`.trim();
}

const bytes = value => scaled(value, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']);
const count = value => scaled(value, 1000, ['', 'k', 'M', 'G']);
const percent = value => `${(100 * value).toFixed(value > 0 && value < 0.1 ? 1 : 0)} %`;
const seconds = millis => `${(millis / 1000).toFixed(1)} s`;
const clock = millis => new Date(millis).toLocaleTimeString([], { hour12: false });
const words = name => name.toLowerCase().replaceAll('_', ' ');

// ---- pieces of the page; text only ever enters as text

function make(tag, className, ...content) {
  const made = document.createElement(tag);
  if (className) {
    made.className = className;
  }
  made.append(...content);
  return made;
}

function gauge(value, max, low, high, optimum, text) {
  const meter = make('meter');
  Object.assign(meter, { min: 0, max: Math.max(max, 1) });
  Object.assign(meter, { low, high, optimum, value });
  return make('td', '', meter, text);
}

function nodeRow(node, leaseMillis) {
  const stats = node.stats;
  const name = make('td', '', node.id);
  name.append(make('small', '', node.instance === node.id ? node.software : `${node.instance} ${node.software}`));
  const state = make('td', '', make('span', `badge ${node.state}`, words(node.state)));
  if (!node.synced) {
    state.append(make('small', '', 'index incomplete'));
  }
  const pool = stats.poolBytes;
  const row = make('tr', '',
    name,
    state,
    gauge(node.leaseLeftMillis, leaseMillis, leaseMillis * 0.2, leaseMillis * 0.5, leaseMillis, seconds(node.leaseLeftMillis)),
    make('td', 'number', count(node.chunks)),
    gauge(stats.usedBytes, pool, pool * 0.85, pool * 0.95, 0, `${bytes(stats.usedBytes)} of ${bytes(pool)}`),
    make('td', 'number', `${stats.loadPercent} %`),
    make('td', 'number', count(stats.transfersInFlight)),
    make('td', 'number', bytes(stats.quarantinedBytes)),
    make('td', '', node.keyScheme.name, make('small', '', `${node.keyScheme.chunkTokens} tokens a chunk`)));
  row.dataset.node = node.id;
  return row;
}

function fact(name, value) {
  return make('div', '', make('dt', '', name), make('dd', '', value));
}

// ---- what is told

function hitRate(since) {
  let requested = 0;
  let hit = 0;
  for (const sample of samples) {
    if (sample.unixMillis >= since) {
      requested += sample.requestedTokensPerSecond;
      hit += sample.hitTokensPerSecond;
    }
  }
  return requested > 0 ? hit / requested : null;
}

function showOverview(overview) {
  const traffic = overview.traffic;
  const live = overview.nodes.filter(node => node.state === 'LIVE').length;
  const suspect = overview.nodes.length - live;
  const rate = hitRate(traffic.unixMillis - MINUTE);
  element('live').textContent = live;
  element('live-note').textContent = suspect ? `live, ${suspect} suspect` : 'live';
  element('hit-rate').textContent = rate === null ? '–' : percent(rate);
  element('throughput').textContent = `${bytes(traffic.movedBytesPerSecond)}/s`;
  element('in-flight').textContent = count(traffic.transfersInFlight);
  element('quarantine').textContent = bytes(traffic.quarantinedBytes);
  element('chunks').textContent = count(overview.index.chunks);
  element('index-note').textContent =
    `chunks, ${bytes(overview.index.bytes)}${overview.indexComplete ? '' : ', incomplete'}`;
  element('facts').replaceChildren(
    fact('nodes dial', overview.address),
    fact('store', overview.store + (overview.storeAvailable ? '' : ' (does not answer)')),
    fact('controllers', overview.controllers.length),
    fact('lease', seconds(overview.leaseMillis)),
    fact('orders open', overview.openOrders),
    fact('pins', overview.pins));
  element('nodes').replaceChildren(...overview.nodes.map(node => nodeRow(node, overview.leaseMillis)));
  element('no-nodes').hidden = overview.nodes.length > 0;
}

function keep(sample) {
  samples.push(sample);
  if (samples.length > KEPT_SAMPLES) {
    samples.shift();
  }
}

function showEvent(event) {
  const entry = make('li', '', make('time', '', clock(event.unixMillis)), `${words(event.kind)}: ${event.subject}`);
  if (event.detail) {
    entry.append(make('small', '', event.detail));
  }
  const list = element('events');
  list.prepend(entry);
  while (list.children.length > KEPT_EVENTS) {
    list.lastChild.remove();
  }
  element('no-events').hidden = true;
}

// ---- charts

function chart(id, colour, value, label) {
  const style = getComputedStyle(document.documentElement);
  const colours = () => ({
    line: style.getPropertyValue(colour).trim(),
    grid: style.getPropertyValue('--line').trim(),
    text: style.getPropertyValue('--quiet').trim(),
  });
  const made = new Chart(element(id), {
    type: 'line',
    data: { labels: [], datasets: [{ data: [], fill: true, pointRadius: 0, borderWidth: 2, tension: 0.25, spanGaps: true }] },
    options: {
      animation: false,
      responsive: true,
      maintainAspectRatio: false,
      interaction: { mode: 'index', intersect: false },
      plugins: { legend: { display: false }, tooltip: { callbacks: { label: item => label(item.parsed.y) } } },
      scales: {
        x: { ticks: { maxTicksLimit: 5, maxRotation: 0 }, grid: { display: false } },
        y: { beginAtZero: true, ticks: { maxTicksLimit: 5, callback: label } },
      },
    },
  });
  charts.push({
    draw() {
      made.data.labels = samples.map(sample => clock(sample.unixMillis));
      made.data.datasets[0].data = samples.map(value);
      made.update();
    },
    paint() {
      const now = colours();
      const dataset = made.data.datasets[0];
      dataset.borderColor = now.line;
      dataset.backgroundColor = `color-mix(in srgb, ${now.line} 18%, transparent)`;
      made.options.scales.x.ticks.color = now.text;
      made.options.scales.y.ticks.color = now.text;
      made.options.scales.y.grid = { color: now.grid };
      made.update();
    },
  });
  return made;
}

function makeCharts() {
  chart('throughput-chart', '--accent', sample => sample.movedBytesPerSecond, value => `${bytes(value)}/s`);
  const rate = chart('hit-rate-chart', '--good',
    sample => (sample.requestedTokensPerSecond > 0 ? sample.hitTokensPerSecond / sample.requestedTokensPerSecond : null),
    percent);
  rate.options.scales.y.max = 1;
  chart('in-flight-chart', '--second', sample => sample.transfersInFlight, count);
  charts.forEach(each => each.paint());
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => charts.forEach(each => each.paint()));
}

// ---- the stream

function state(name, text) {
  document.body.dataset.state = name;
  element('connection').textContent = text;
}

function listen() {
  const stream = new EventSource('/v1/events');
  const on = (name, handle) => stream.addEventListener(name, message => handle(JSON.parse(message.data)));
  on('hello', hello => {
    samples.splice(0, samples.length, ...hello.samples);
    element('events').replaceChildren();
    hello.events.forEach(showEvent);
    showOverview(hello.overview);
    charts.forEach(each => each.draw());
    state('live', 'live');
  });
  on('overview', overview => {
    keep(overview.traffic);
    showOverview(overview);
    charts.forEach(each => each.draw());
  });
  on('happened', showEvent);
  // the browser connects again by itself
  stream.addEventListener('error', () => state('lost', 'controller not reachable'));
}

makeCharts();
listen();
