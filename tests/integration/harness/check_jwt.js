'use strict';
// Checks a JWT as a service would that has nothing but the issuer's URL: finds the key set by the provider's metadata,
// picks the key by its id, checks the signature with node's own crypto, and prints header and claims as JSON.
//   node check_jwt.js ISSUER-URL < token       ends with 1, saying why, if the token does not hold

const crypto = require('node:crypto');
const fs = require('node:fs');

const decoded = (part) => JSON.parse(Buffer.from(part, 'base64url').toString());
const get = async (url) => (await fetch(url)).json();

async function main(issuer) {
  const token = fs.readFileSync(0, 'utf8').trim();
  const [header, claims, signature] = token.split('.');
  const {alg, kid} = decoded(header);
  const metadata = await get(`${issuer}/.well-known/openid-configuration`);
  if (metadata.issuer !== issuer) throw new Error(`the metadata is of ${metadata.issuer}`);
  const {keys} = await get(metadata.jwks_uri);
  const jwk = keys.find((key) => key.kid === kid);
  if (!jwk) throw new Error(`no key ${kid}`);
  if (jwk.alg !== alg || jwk.use !== 'sig' || 'd' in jwk) throw new Error('not the public key for this');
  const key = crypto.createPublicKey({key: jwk, format: 'jwk'});
  const hash = {ES256: 'sha256', EdDSA: null}[alg];
  if (hash === undefined) throw new Error(`algorithm ${alg}`);
  const good = crypto.verify(hash, Buffer.from(`${header}.${claims}`), {key, dsaEncoding: 'ieee-p1363'},
                             Buffer.from(signature, 'base64url'));
  if (!good) throw new Error('the signature does not hold');
  console.log(JSON.stringify({header: decoded(header), claims: decoded(claims)}));
}

main(process.argv[2]).catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
