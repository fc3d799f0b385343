// Prints an access token of provider.js. usage: node token.js [--issuer URL] [--quiet]
import {parseArgs} from 'node:util';

const {values} = parseArgs({options: {
  issuer: {type: 'string', default: 'http://127.0.0.1:3000'},
  quiet: {type: 'boolean', default: false},
}});
const answer = await fetch(`${values.issuer}/token`, {
  method: 'POST',
  headers: {authorization: `Basic ${Buffer.from('shop:shop-secret').toString('base64')}`},
  body: new URLSearchParams({grant_type: 'client_credentials'}),
});
if (!answer.ok) {
  console.error(`the provider answered ${answer.status}: ${await answer.text()}`);
  process.exit(1);
}
const {access_token: token} = await answer.json();
if (!values.quiet) console.log(token);
