// A collector: takes spans over OTLP/gRPC, and prints each batch as a line of JSON.
//   collector.js FOLDER-OF-PROTOS [ADDRESS]
'use strict';

const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

function main([protos, address = '127.0.0.1:0']) {
  const definition = loader.loadSync('opentelemetry/proto/collector/trace/v1/trace_service.proto',
    {includeDirs: [protos], keepCase: true, longs: String, enums: String, defaults: true});
  const service = grpc.loadPackageDefinition(definition).opentelemetry.proto.collector.trace.v1.TraceService.service;
  const server = new grpc.Server();
  const text = attribute => attribute.value.string_value || String(attribute.value.int_value);
  server.addService(service, {
    Export(call, answer) {
      const spans = call.request.resource_spans.flatMap(resource => resource.scope_spans.flatMap(scope =>
        scope.spans.map(span => ({
          name: span.name, kind: span.kind, trace: span.trace_id.toString('hex'), id: span.span_id.toString('hex'),
          parent: span.parent_span_id.toString('hex'), error: span.status?.code === 'STATUS_CODE_ERROR',
          service: resource.resource.attributes.filter(a => a.key === 'service.name').map(text)[0],
          attributes: Object.fromEntries(span.attributes.map(a => [a.key, text(a)])),
        }))));
      console.log(JSON.stringify({traceparent: call.metadata.get('traceparent')[0] ?? null, spans}));
      answer(null, {});
    },
  });
  server.bindAsync(address, grpc.ServerCredentials.createInsecure(), (error, port) => {
    if (error) throw error;
    console.log(`listening on 127.0.0.1:${port}`);
  });
}

main(process.argv.slice(2));
