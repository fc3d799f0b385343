#!/usr/bin/env node
'use strict';
// Makes the same observations directly and through Sallyport, and compares them.
//   conformance_test.js --sallyportd PROGRAM [--only TEXT]
//   conformance_test.js --control [--only TEXT]     a plain relay of bytes in the gateway's place
// A scenario is {name, observe(way) -> observation, expect(observation)} and is equal on every way; or it has
// `differs` (the reason) and `through(observation, directly)`, which says what is seen through a gateway instead.

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const {parseArgs} = require('node:util');

const {Upstream} = require('../../integration/harness/grpc_by_hand.js');
const {difference} = require('./observation.js');
const {waysToCompare} = require('./paths.js');

const SCENARIO_SECONDS = 60;
const SCENARIOS = [
  'statuses', 'metadata', 'headers', 'encodings', 'streams', 'cancellations', 'deadlines', 'failures', 'services',
  'sizes'
];

function withTimeLimit(promise, what) {
  let timer;
  const late = new Promise((resolve, reject) => {
    timer =
        setTimeout(() => reject(new Error(`${what} took longer than ${SCENARIO_SECONDS} s`)), SCENARIO_SECONDS * 1000);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// What broke when a scenario was tried on one way, or '' if nothing did.
async function tryOn(way, scenario, stage, directly) {
  const cleanups = [];
  stage.run = `${scenario.name}, ${way.name}`.replace(/[^ -~]/g, '?');
  stage.cleanup = (action) => cleanups.push(action);
  try {
    const observation = await withTimeLimit(scenario.observe({...stage, way}), scenario.name);
    if (way.direct) {
      directly.observation = observation;
      scenario.expect(observation);
      return '';
    }
    if (way.gateway && scenario.differs) {
      scenario.through(observation, directly.observation);
      return '';
    }
    return difference(observation, directly.observation);
  } catch (error) {
    return error.stack;
  } finally {
    for (const action of cleanups.reverse()) action();
  }
}

async function runScenarios(ways, scenarios, stage) {
  const faults = [];
  const width = Math.max(...scenarios.map(({name}) => name.length));
  console.log([' '.repeat(width), ...ways.map(({name}) => name.padStart(15))].join(' '));
  for (const scenario of scenarios) {
    const cells = [];
    const directly = {};
    const begun = Date.now();
    for (const way of ways) {
      const fault = await tryOn(way, scenario, stage, directly);
      if (fault) faults.push(`${scenario.name}, ${way.name}:\n${fault}`);
      cells.push(fault ? 'BROKEN' : way.gateway && scenario.differs ? 'as permitted' : 'kept');
    }
    const note = scenario.differs ? `  (permitted: ${scenario.differs})` : '';
    console.log(
        [scenario.name.padEnd(width), ...cells.map((cell) => cell.padStart(15))].join(' ') +
        `  ${((Date.now() - begun) / 1000).toFixed(1)} s${note}`);
  }
  return faults;
}

async function stopPrograms(ways) {
  const faults = [];
  for (const way of ways) {
    for (const [kind, program] of Object.entries(way.programs)) {
      if (!program) continue;
      const status = await program.stop();
      if (way.gateway && status !== 0) {
        faults.push(`the gateway (${way.name}, ${kind}) ended with ${status}:\n${program.lines.slice(-20).join('\n')}`);
      }
    }
  }
  return faults;
}

// However this program ends, nothing it started stays behind.
function stopAtExit(ways, directory) {
  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(1));
  process.on('exit', () => {
    for (const program of ways.flatMap((way) => Object.values(way.programs))) program?.kill();
    fs.rmSync(directory, {recursive: true, force: true, maxRetries: 10, retryDelay: 50});
  });
}

async function main() {
  const {values: options} = parseArgs(
      {options: {sallyportd: {type: 'string'}, control: {type: 'boolean'}, only: {type: 'string', default: ''}}});
  if (!options.sallyportd === !options.control) throw new Error('give either --sallyportd or --control');
  if (!fs.existsSync(path.join(__dirname, 'node_modules/@grpc/grpc-js'))) {
    throw new Error('the packages are not installed: run tests/conformance/grpc_js/install.sh');
  }
  const {JsService} = require('./js_peer.js');
  const scenarios =
      SCENARIOS.flatMap((file) => require(`./scenarios/${file}.js`)).filter(({name}) => name.includes(options.only));
  if (!scenarios.length) throw new Error(`no scenario has ${JSON.stringify(options.only)} in its name`);
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'sallyport-conformance-'));
  const ways = waysToCompare({...options, directory});
  stopAtExit(ways, directory);
  const stage = {upstream: new Upstream(), service: new JsService()};
  const upstreams = {byHand: await stage.upstream.listen(), byGrpcJs: await stage.service.listen()};
  for (const way of ways) await way.open(upstreams);
  const faults = await runScenarios(ways, scenarios, stage);
  faults.push(...await stopPrograms(ways));
  console.log(`${scenarios.length} scenarios, ${faults.length} faults`);
  for (const fault of faults) console.log(`\nFAULT ${fault}`);
  process.exit(faults.length ? 1 : 0);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
