// An OpenID provider to try things with: client credentials in, access tokens out. Its keys are made anew at each start.
//
// usage: node provider.js --listen HOST:PORT --issuer URL
//
// One client: id "shop", secret "shop-secret"; it is in the group "shops". Tokens are for the audience "sallyport".
import {generateKeyPairSync} from 'node:crypto';
import {createServer} from 'node:http';
import {parseArgs} from 'node:util';
import Provider from 'oidc-provider';

const {values} = parseArgs({options: {listen: {type: 'string'}, issuer: {type: 'string'}}});
const [host, port] = values.listen.split(':');
const key = generateKeyPairSync('ec', {namedCurve: 'P-256'}).privateKey.export({format: 'jwk'});

const provider = new Provider(values.issuer, {
  jwks: {keys: [{...key, alg: 'ES256', use: 'sig', kid: `started-${Date.now()}`}]},
  clients: [{
    client_id: 'shop',
    client_secret: 'shop-secret',
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
    id_token_signed_response_alg: 'ES256',
  }],
  extraTokenClaims: () => ({groups: ['shops']}),
  features: {
    devInteractions: {enabled: false},
    clientCredentials: {enabled: true},
    resourceIndicators: {
      enabled: true,
      defaultResource: () => 'urn:sallyport',
      getResourceServerInfo: () =>
        ({scope: '', audience: 'sallyport', accessTokenFormat: 'jwt', accessTokenTTL: 3600, jwt: {sign: {alg: 'ES256'}}}),
    },
  },
});

const server = createServer(provider.callback());
server.listen(Number(port), host, () => console.log(`issuer ${values.issuer}`));
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0));
