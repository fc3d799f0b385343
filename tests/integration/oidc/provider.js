// Runs oidc-provider on loopback for tests: client credentials in, JWT access tokens out.
//
// usage: node provider.js
//
// Prints "issuer URL" and "control URL" when it can be used. The control URL takes POST requests:
//   /rotate?keep=1   new keys sign from now on; the old ones stay published, or are withdrawn with keep=0
//   /mode?is=good    as a provider should; also
//     away           connections are closed unanswered
//     nonsense       every answer is a page of HTML
//     slow           requests wait until the mode is another, and each is told of with a line "held PATH"
// and GET /requests, which says how often each path of the issuer was asked for.
//
// One client: id "reporter", secret "reporter-secret". A token is asked for with resource=https://RESOURCE/ALGORITHM/SECONDS;
// the resource's host is the token's audience, and it is valid for so many seconds.
import {generateKeyPairSync} from 'node:crypto';
import {createServer} from 'node:http';
import Provider from 'oidc-provider';

const KEY_TYPES = {
  RS256: () => generateKeyPairSync('rsa', {modulusLength: 2048}),
  PS256: () => generateKeyPairSync('rsa', {modulusLength: 2048}),
  ES256: () => generateKeyPairSync('ec', {namedCurve: 'P-256'}),
  EdDSA: () => generateKeyPairSync('ed25519'),
};

let generation = 0;
function makeKeys() {
  generation += 1;
  return Object.entries(KEY_TYPES).map(([alg, make]) =>
    ({...make().privateKey.export({format: 'jwk'}), alg, use: 'sig', kid: `${alg}-${generation}`}));
}

function makeProvider(issuer, keys) {
  const provider = new Provider(issuer, {
    jwks: {keys},
    clients: [{
      client_id: 'reporter',
      client_secret: 'reporter-secret',
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    }],
    extraTokenClaims: () => ({groups: ['reports', 'read-only']}),
    features: {
      devInteractions: {enabled: false},
      clientCredentials: {enabled: true},
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo(context, resource) {
          const url = new URL(resource);
          const [, alg, seconds] = url.pathname.split('/');
          return {
            scope: '',
            audience: url.hostname,
            accessTokenFormat: 'jwt',
            accessTokenTTL: Number(seconds),
            jwt: {sign: {alg}},
          };
        },
      },
    },
  });
  return provider.callback();
}

function listen(server) {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${server.address().port}`));
  });
}

let mode = 'good';
let waiting = [];
let answer;  // what oidc-provider does with a request
const asked = new Map();

function serve(request, response) {
  const path = new URL(request.url, 'http://any').pathname;
  asked.set(path, (asked.get(path) ?? 0) + 1);
  if (mode === 'nonsense') {
    response.writeHead(200, {'content-type': 'text/html'}).end('<html><body>Welcome to nginx!</body></html>');
  } else if (mode === 'slow') {
    waiting.push(() => serve(request, response));
    console.log(`held ${path}`);
  } else if (mode === 'away') {
    request.socket.destroy();
  } else {
    answer(request, response);
  }
}

const server = createServer(serve);
server.on('connection', (socket) => {
  if (mode === 'away') socket.destroy();
});
const issuer = await listen(server);
let keys = makeKeys();
answer = makeProvider(issuer, keys);

const control = createServer((request, response) => {
  const url = new URL(request.url, 'http://any');
  if (url.pathname === '/rotate') {
    const made = makeKeys();
    keys = url.searchParams.get('keep') === '1' ? [...made, ...keys] : made;
    answer = makeProvider(issuer, keys);
  } else if (url.pathname === '/mode') {
    mode = url.searchParams.get('is');
    const held = waiting;
    waiting = [];
    held.forEach((resume) => resume());
  } else if (url.pathname !== '/requests') {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, {'content-type': 'application/json'}).end(JSON.stringify(Object.fromEntries(asked)));
});
const controlUrl = await listen(control);
console.log(`issuer ${issuer}`);
console.log(`control ${controlUrl}`);
