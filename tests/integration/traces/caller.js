// Exports spans with OpenTelemetry's own exporter, in as many calls, and prints what became of each.
//   caller.js ADDRESS TRACEPARENT CALLS
'use strict';

const grpc = require('@grpc/grpc-js');
const {OTLPTraceExporter} = require('@opentelemetry/exporter-trace-otlp-grpc');
const {BasicTracerProvider, SimpleSpanProcessor} = require('@opentelemetry/sdk-trace-base');

async function main([address, traceparent, calls]) {
  const metadata = new grpc.Metadata();
  metadata.set('traceparent', traceparent);
  const exporter = new OTLPTraceExporter({url: `http://${address}`, metadata});
  // What the exporter says of each call is what this is about.
  const told = [];
  const recorder = {
    export: (spans, done) => exporter.export(spans, result => { told.push(result.code); done(result); }),
    shutdown: () => exporter.shutdown(), forceFlush: () => exporter.forceFlush(),
  };
  const provider = new BasicTracerProvider({spanProcessors: [new SimpleSpanProcessor(recorder)]});
  const tracer = provider.getTracer('sallyport-test');
  for (let i = 0; i < Number(calls); i++) {
    tracer.startSpan('from npm', {attributes: {number: String(i)}}).end();
    await provider.forceFlush().catch(() => {});  // told says it
  }
  console.log(JSON.stringify(told));
  process.exit(0);
}

main(process.argv.slice(2));
