import type { Command } from 'commander'
import type { AuthContext } from '../domain/context.js'
import { LatchkeyError } from '../lib/errors.js'
import { EXIT, exitIncomplete } from './exit-codes.js'
import { withExamples, withRevocationDelay } from './help.js'
import { print, printFields, printResult, say } from './output.js'
import { listSessions, USER } from './read-users.js'
import { sessionFields, sessionJson } from './views.js'
import { ACTOR, type Configure, withContext, withReading } from './with-stores.js'

/** `latchkey sessions` */
export function addSessionCommands(program: Command, configure: Configure): void {
  const sessions = program.command('sessions').description('show and revoke sessions')
  const list = sessions
    .command('list')
    .description('list the live sessions of an account, the newest first')
    .requiredOption(`--user ${USER}`, 'the account')
    .action(async ({ user }: { user: string }) =>
      withReading(await configure(), context => listSessions(context, user)),
    )
  withExamples(list, 'sessions list --user ada@example.com')

  const show = sessions
    .command('show')
    .description('show a session, also one that was revoked or has expired')
    .argument('<id>')
    .action(async (id: string) =>
      withReading(await configure(), async context => {
        const { getSession } = await import('../domain/sessions/get-session.js')
        const session = await getSession(context, id.toLowerCase())
        printResult(sessionJson(session), () => printFields(sessionFields(session)))
      }),
    )
  withExamples(show, 'sessions show 0198c1f2-6e9c-7cc0-9d5a-3c1a5a6e4f10')

  const revoke = sessions
    .command('revoke')
    .description('revoke sessions')
    .argument('<id...>')
    .addHelpText('after', '\nThe exit code is 2 if only some of the sessions were live, and 3 if none was.')
    .action(async (ids: string[]) => withContext(await configure(), context => revokeSessions(context, ids)))
  withExamples(withRevocationDelay(revoke), 'sessions revoke 0198c1f2-6e9c-7cc0-9d5a-3c1a5a6e4f10')
}

async function revokeSessions(context: AuthContext, given: readonly string[]): Promise<void> {
  const [{ getSession }, { endSessionOfUser }] = await Promise.all([
    import('../domain/sessions/get-session.js'),
    import('../domain/sessions/manage-sessions.js'),
  ])
  const revoked: string[] = []
  const notLive: string[] = []
  for (const id of new Set(given.map(id => id.toLowerCase()))) {
    try {
      const { userId } = await getSession(context, id)
      await endSessionOfUser(context, userId, id, ACTOR)
      revoked.push(id)
    } catch (error) {
      if (!(error instanceof LatchkeyError) || !['session_not_found', 'user_not_found'].includes(error.code))
        throw error
      notLive.push(id)
    }
  }
  printResult({ revoked, not_live: notLive }, () => {
    for (const id of revoked) print(`Revoked the session ${id}.`)
    for (const id of notLive) say(`No live session has the id ${id}.`)
  })
  if (notLive.length === 0) return
  const message = `No live session has the id ${notLive.join(' or ')}.`
  if (revoked.length > 0) exitIncomplete(EXIT.incomplete, { code: 'incomplete', message })
  else exitIncomplete(EXIT.notFound, { code: 'session_not_found', message })
}

/** `latchkey sign-out-everyone` */
export function addSignOutEveryoneCommand(program: Command, configure: Configure): void {
  const command = program
    .command('sign-out-everyone')
    .description('revoke every session of every account')
    .action(async () =>
      withContext(await configure(), async context => {
        const { signOutEveryone } = await import('../domain/sessions/end-many-sessions.js')
        await signOutEveryone(context, ACTOR)
        printResult({ signed_out: 'everyone' }, () => print('Revoked every session.'))
      }),
    )
  withExamples(withRevocationDelay(command), 'sign-out-everyone')
}
