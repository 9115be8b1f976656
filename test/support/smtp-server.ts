import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'
import type { Test } from 'tap'

/** A mail that arrived, as it was sent. */
export interface ArrivedMail {
  from: string
  to: string[]
  /** With its headers. */
  source: string
}

export interface TestMailServer {
  /** For SMTP_URL. */
  url: string
  readonly mails: readonly ArrivedMail[]
  /** Refuses this recipient with this status from now on, or no longer. */
  refuse(address: string, status: number | undefined): void
  close(): Promise<void>
}

/** A mail server that ends with the test. It accepts one user and password. */
export async function startMailServer(t: Test): Promise<TestMailServer> {
  const mails: ArrivedMail[] = []
  const refused = new Map<string, number | undefined>()
  const server = new SMTPServer({
    authOptional: false,
    allowInsecureAuth: true,
    disabledCommands: ['STARTTLS'],
    onAuth({ username, password }, _session, done) {
      if (username === 'mailer' && password === 'p@ss/word') done(null, { user: username })
      else done(new Error('Invalid username or password'))
    },
    onRcptTo({ address }, _session, done) {
      const responseCode = refused.get(address)
      done(responseCode === undefined ? null : Object.assign(new Error('no such user'), { responseCode }))
    },
    onData(stream, { envelope }, done) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address
        mails.push({
          from,
          to: envelope.rcptTo.map(({ address }) => address),
          source: Buffer.concat(chunks).toString(),
        })
        done()
      })
    },
  })
  server.on('error', () => {})
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  const close = () => new Promise<void>(resolve => server.close(() => resolve()))
  t.teardown(close)
  const { port } = server.server.address() as AddressInfo
  return {
    url: `smtp://mailer:p%40ss%2Fword@127.0.0.1:${port}`,
    mails,
    refuse: (address, status) => void refused.set(address, status),
    close,
  }
}
