'use strict'
// What clients that others wrote get from the door, in all their protocols and codecs: a list of promises that both a door
// by itself and a whole gateway are held to.
//
// clients.js ADDRESS CODES: checks the door at ADDRESS. CODES is what a call of `Whoami` is to end with, as JSON:
// {"": 0, TOKEN: …}: gRPC's number, by the token that is shown.
const assert = require('node:assert/strict')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { execFileSync, spawnSync } = require('node:child_process')
const { createFileRegistry, fromBinary, toBinary, create } = require('@bufbuild/protobuf')
const { FileDescriptorSetSchema } = require('@bufbuild/protobuf/wkt')
const { createClient, ConnectError, Code } = require('@connectrpc/connect')
const node = require('@connectrpc/connect-node')
const web = require('@connectrpc/connect-web')

const source = path.join(__dirname, '..', '..', '..')
const SERVICES = ['audit', 'policies', 'operations'].map(name => `sallyport/v1/${name}.proto`)

function descriptors () {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sallyport-audit-'))
  const file = path.join(folder, 'services.binpb')
  execFileSync('protoc', ['--include_imports', `--descriptor_set_out=${file}`, `-I${source}/protos`, ...SERVICES])
  return { file, registry: createFileRegistry(fromBinary(FileDescriptorSetSchema, fs.readFileSync(file))), folder }
}

// All transports of both packages, by what they speak.
function transports (baseUrl, token) {
  const show = next => async request => {
    if (token) request.header.set('authorization', `Bearer ${token}`)
    return next(request)
  }
  const made = {}
  for (const useBinaryFormat of [true, false]) {
    const codec = useBinaryFormat ? 'proto' : 'json'
    const common = { baseUrl, useBinaryFormat, interceptors: [show] }
    made[`connect-node connect ${codec}`] = node.createConnectTransport({ ...common, httpVersion: '1.1' })
    made[`connect-node grpc-web ${codec}`] = node.createGrpcWebTransport({ ...common, httpVersion: '1.1' })
    made[`connect-node connect ${codec} gzip`] = node.createConnectTransport(
      { ...common, httpVersion: '1.1', sendCompression: node.compressionGzip, acceptCompression: [node.compressionGzip], compressMinBytes: 0 })
    made[`connect-node grpc-web ${codec} gzip`] = node.createGrpcWebTransport(
      { ...common, httpVersion: '1.1', sendCompression: node.compressionGzip, acceptCompression: [node.compressionGzip], compressMinBytes: 0 })
    made[`connect-web connect ${codec}`] = web.createConnectTransport(common)
    made[`connect-web grpc-web ${codec}`] = web.createGrpcWebTransport(common)
  }
  made['connect-node connect get'] = node.createConnectTransport({ baseUrl, httpVersion: '1.1', useHttpGet: true, interceptors: [show] })
  made['connect-web connect get'] = web.createConnectTransport({ baseUrl, useHttpGet: true, interceptors: [show] })
  return made
}

async function codeOf (promise) {
  try {
    await promise
    return 0
  } catch (error) {
    assert(error instanceof ConnectError, String(error))
    return error.code
  }
}

async function first (stream) {
  for await (const message of stream) return message
  return null
}

// What one transport gets.
async function holdTo (transport, audit, expected, name) {
  const client = createClient(audit, transport)
  assert.equal(await codeOf(client.searchCalls({ pageSize: 10 })), expected, `${name}: SearchCalls`)
  assert.equal(await codeOf(first(client.tailCalls({}))), expected, `${name}: TailCalls`)
  if (expected !== 0) return
  const found = await client.searchCalls({ pageSize: 10 })
  assert(found.calls.length > 0 && found.calls[0].id.length > 0, `${name}: calls are found`)
  const said = await first(client.tailCalls({}))
  assert.notEqual(said.said.case, undefined, `${name}: a tail says something`)
  const absent = client.searchCalls({ pageToken: 'not one of mine' })
  const error = await absent.then(() => null, reason => reason)
  assert(error instanceof ConnectError && error.code === Code.InvalidArgument, `${name}: a page token is refused: ${error}`)
  assert(error.details.some(detail => detail.type === 'google.rpc.ErrorInfo'), `${name}: an error has an ErrorInfo`)
}

function bufCurl (address, file, protocol, token, method, data) {
  const show = token ? ['--header', `authorization: Bearer ${token}`] : []
  const done = spawnSync(path.join(__dirname, 'node_modules', '.bin', 'buf'),
    ['curl', '--schema', file, '--protocol', protocol, ...show, '--data', data, `http://${address}/sallyport.v1.Audit/${method}`],
    { encoding: 'utf8', timeout: 60000, cwd: os.tmpdir() })
  return { status: done.status, out: done.stdout, error: done.stderr }
}

async function withBuf (address, file, expected, token) {
  for (const protocol of ['connect', 'grpcweb']) {
    const got = bufCurl(address, file, protocol, token, 'SearchCalls', '{"pageSize": 10}')
    // It ends with eight times the code.
    assert.equal(got.status, expected * 8 % 256, `buf curl ${protocol}: ${got.out}${got.error}`)
    if (expected === 0) assert(JSON.parse(got.out).calls.length > 0, `buf curl ${protocol}: ${got.out}`)
  }
}

function curl (address, token, ...words) {
  const show = token ? ['-H', `authorization: Bearer ${token}`] : []
  const out = execFileSync('curl', ['-s', '-m', '20', '-w', '\n%{http_code}', ...show, ...words], { encoding: 'utf8' })
  const end = out.lastIndexOf('\n')
  return { status: Number(out.slice(end + 1)), body: out.slice(0, end) }
}

function withCurl (address, expected, token) {
  const search = `http://${address}/sallyport.v1.Audit/SearchCalls`
  const json = ['-H', 'content-type: application/json']
  const got = curl(address, token, ...json, '-d', '{"pageSize":10}', search)
  assert.equal(got.status, { 0: 200, 7: 403, 16: 401 }[expected], got.body)
  if (expected !== 0) return
  assert(JSON.parse(got.body).calls.length > 0)
  // Looks are calls, too, so that the same is found only where they are not asked for.
  const same = ['-d', '{"filter":{"method":"etcdserverpb.KV/Range"},"pageSize":10}', search]
  assert.equal(curl(address, token, ...json, '--compressed', ...same).body, curl(address, token, ...json, ...same).body)
  const fault = curl(address, token, ...json, '-d', '{"nosuch":1}', search)
  assert.equal(fault.status, 400)
  assert(JSON.parse(fault.body).message.includes('nosuch'), fault.body)
  assert.equal(curl(address, token, ...json, '-d', '{}', `http://${address}/sallyport.v1.Audit/NoSuch`).status, 404)
  assert.equal(curl(address, token, '-X', 'PUT', ...json, '-d', '{}', search).status, 405)
  assert.equal(curl(address, token, '-H', 'content-type: text/plain', '-d', '{}', search).status, 415)
  assert.equal(curl(address, token, '-H', 'host: evil.example', ...json, '-d', '{}', search).status, 421)
  assert.equal(curl(address, token, '-H', 'origin: https://evil.example', ...json, '-d', '{}', search).status, 403)
  assert.equal(curl(address, token, '-H', 'authorization: Bearer other', ...json, '-d', '{}', search).status, 400)
}

// gRPC-Web-Text, which neither package speaks, by hand.
async function withText (address, audit, registry, expected, token) {
  const empty = toBinary(audit.method.whoami.input, create(audit.method.whoami.input))
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(empty.length, 1)
  const answer = await fetch(`http://${address}/sallyport.v1.Audit/Whoami`, {
    method: 'POST',
    headers: { 'content-type': 'application/grpc-web-text', ...(token ? { authorization: `Bearer ${token}` } : {}) },
    body: Buffer.concat([prefix, empty]).toString('base64')
  })
  const text = await answer.text()
  const body = Buffer.concat((text.match(/[^=]+=*/g) || []).map(run => Buffer.from(run, 'base64'))).toString('latin1')
  const status = answer.headers.get('grpc-status') || /grpc-status: (\d+)/.exec(body)?.[1]
  assert.equal(Number(status), expected, `gRPC-Web-Text: ${answer.status} ${text}`)
}

async function openApi (address) {
  const { Validator } = await import('@seriousme/openapi-schema-validator')
  const page = JSON.parse(curl(address, '', `http://${address}/openapi.json`).body)
  const result = await new Validator().validate(page)
  assert(result.valid, JSON.stringify(result.errors ?? []).slice(0, 2000))
  assert(page.paths['/sallyport.v1.Audit/SearchCalls'].post)
}

async function main () {
  const address = process.argv[2]
  const codes = JSON.parse(process.argv[3])
  const { file, registry, folder } = descriptors()
  try {
    const audit = registry.getService('sallyport.v1.Audit')
    let held = 0
    for (const [token, expected] of Object.entries(codes)) {
      for (const [name, transport] of Object.entries(transports(`http://${address}`, token))) {
        await holdTo(transport, audit, expected, `${name} with "${token}"`)
        held++
      }
      await withBuf(address, file, expected, token)
      await withText(address, audit, registry, expected === 7 ? 0 : expected, token)
      withCurl(address, expected, token)
    }
    await openApi(address)
    console.log(`${held} transports, buf curl, curl and the validator agree`)
  } finally {
    fs.rmSync(folder, { recursive: true })
  }
  process.exit(0)
}

main().catch(error => {
  console.error(error)
  process.exit(1)
})
