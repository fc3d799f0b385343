'use strict';
// The same service by @grpc/grpc-js: a server whose methods tests replace, and a client that tells all it saw.

const path = require('node:path');
const grpc = require('@grpc/grpc-js');
const protoLoader = require('@grpc/proto-loader');

const definition = protoLoader.loadSync(path.join(__dirname, 'conformance.proto'));
const {Conformance} = grpc.loadPackageDefinition(definition).sallyport.conformance;
const NO_LIMITS = {'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1};

// Metadata as plain values: {name: [text, or {bytes: hex}]}.
function plain(metadata) {
  const result = {};
  for (const name of Object.keys(metadata.getMap()).sort()) {
    result[name] = metadata.get(name).map((value) => (Buffer.isBuffer(value) ? {bytes: value.toString('hex')} : value));
  }
  return result;
}

// `handlers.Unary` and so on are what grpc-js calls; a test sets those it needs.
class JsService {
  constructor() {
    this.handlers = {};
    this.server = new grpc.Server(NO_LIMITS);
    const dispatch = (name) => (call, callback) => this.handlers[name](call, callback);
    this.server.addService(Conformance.service, {
      Unary: dispatch('Unary'), ClientStream: dispatch('ClientStream'),
      ServerStream: dispatch('ServerStream'), Bidi: dispatch('Bidi'),
    });
  }

  async listen() {
    const bind = (resolve, reject) => this.server.bindAsync(
        '127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => (error ? reject(error) : resolve(port)));
    return `127.0.0.1:${await new Promise(bind)}`;
  }

  close() {
    this.server.forceShutdown();
  }
}

// A client on a connection of its own. Each method resolves with everything the application is told:
// {code, message, headers, trailers, bodies}; it never rejects. Every call has the metadata `always` too.
class JsClient {
  constructor(address, options = {}, always = {}) {
    this.always = always;
    this.stub = new Conformance(address, grpc.credentials.createInsecure(), {
      ...NO_LIMITS, 'grpc.enable_retries': 0, 'grpc.use_local_subchannel_pool': 1, ...options,
    });
  }

  // `begun` is handed the grpc-js call, to write to or cancel.
  unary(body, {metadata, options = {}, begun = () => {}} = {}) {
    const bodies = [];
    const call = this.stub.Unary({body}, this.complete(metadata), options, (error, response) => {
      if (response) bodies.push(response.body);
    });
    begun(call);
    return this.outcome(call, bodies);
  }

  serverStream(body, {metadata, options = {}, begun = () => {}} = {}) {
    return this.readAll(this.stub.ServerStream({body}, this.complete(metadata), options), begun);
  }

  bidi({metadata, options = {}, begun = () => {}} = {}) {
    return this.readAll(this.stub.Bidi(this.complete(metadata), options), begun);
  }

  clientStream(send, {metadata, options = {}} = {}) {
    const bodies = [];
    const call = this.stub.ClientStream(this.complete(metadata), options, (error, response) => {
      if (response) bodies.push(response.body);
    });
    send(call);
    return this.outcome(call, bodies);
  }

  complete(metadata = new grpc.Metadata()) {
    for (const [name, value] of Object.entries(this.always)) metadata.set(name, value);
    return metadata;
  }

  readAll(call, begun) {
    const bodies = [];
    call.on('data', ({body}) => bodies.push(body));
    call.on('error', () => {});  // also reported as status
    begun(call);
    return this.outcome(call, bodies);
  }

  outcome(call, bodies) {
    const result = {bodies};
    call.on('metadata', (metadata) => (result.headers = plain(metadata)));
    return new Promise((resolve) => call.on('status', ({code, details, metadata}) => {
      // The callback of a unary call, which brings the response, runs after this event.
      setImmediate(() => resolve({...result, code, message: details, trailers: plain(metadata)}));
    }));
  }

  close() {
    this.stub.close();
  }
}

module.exports = {JsService, JsClient, grpc, plain};
