'use strict';
// A caller for tests that stop it: holds one call open.
//     far_caller.js ADDRESS

const {Caller} = require('../harness/grpc_by_hand.js');

Caller.connect(process.argv[2]).then(async (caller) => {
  const call = caller.start('/x.S/Watch');
  await call.gotHeaders();
  console.log('open');
  await call.ended;
});
