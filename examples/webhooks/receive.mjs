import { createServer } from 'node:http'
import { Webhook } from 'standardwebhooks'

// The secret from `latchkey webhooks create`. The library throws if it is missing.
const webhook = new Webhook(process.env.WEBHOOK_SECRET ?? '')
// A real receiver keeps the ids in its database, in the transaction of what it does.
const seen = new Set()
const MAX_BYTES = 100_000

const server = createServer(async (request, response) => {
  const chunks = []
  let bytes = 0
  for await (const chunk of request) {
    bytes += chunk.length
    if (bytes > MAX_BYTES) return response.writeHead(413, { connection: 'close' }).end()
    chunks.push(chunk)
  }
  let message
  try {
    // The bytes as they came: JSON that was read and written again has another signature.
    message = webhook.verify(Buffer.concat(chunks).toString(), request.headers)
  } catch {
    return response.writeHead(401).end()
  }
  const id = request.headers['webhook-id']
  if (!seen.has(id)) {
    console.log(JSON.stringify({ id, type: message.type, user: message.data.user_id }))
    seen.add(id)
  }
  // Only now: from here on Latchkey does not send it again.
  response.writeHead(204).end()
})
server.listen(Number(process.env.PORT ?? 3010), '127.0.0.1', () => {
  console.log(`ready at http://127.0.0.1:${server.address().port}/`)
})
