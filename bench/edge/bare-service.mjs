import { createServer } from 'node:http'

// The least that a Node process can do for a request of a gateway: it answers 200 with the three headers.
createServer((_request, response) =>
  response
    .writeHead(200, {
      'cache-control': 'no-store',
      'x-auth-subject': '01a223cf-5409-7270-91f0-0ff2386ecc9a',
      'x-auth-session': '01a223cf-5409-7270-91f0-0ff2386ecc9b',
      'x-auth-roles': '',
      'content-length': 0,
    })
    .end(),
).listen(Number(process.env.PORT), '127.0.0.1')
