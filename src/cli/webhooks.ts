import { type Command, Option } from 'commander'
import type { Webhook } from '../domain/webhooks/webhooks.js'
import { exitIncomplete, UsageError } from './exit-codes.js'
import { withExamples } from './help.js'
import { limitOf, type PageOptions, readSince, repeatableOption, withLimit } from './options.js'
import { formatInstant, isJson, print, printArray, printFields, printResult, printTable, say } from './output.js'
import { ACTOR, type Configure, type OpenedDatabase, withDatabase } from './with-stores.js'

const ID = '<id>'
const FAILED_LIMIT = 50
const PAGE_SIZE = 1000

const shownOnce = (secret: string) => `Its secret, shown only now: ${secret}`

/** `latchkey webhooks` */
export function addWebhookCommands(program: Command, configure: Configure): void {
  const webhooks = program.command('webhooks').description('manage webhooks: where security events are sent to')
  addReadingCommands(webhooks, configure)
  addChangingCommands(webhooks, configure)
  addSendingCommands(webhooks, configure)
}

function typeOption(description: string): Option {
  return repeatableOption('--type <types>', description, text => text.split(',').map(type => type.trim()))
}

function addChangingCommands(webhooks: Command, configure: Configure): void {
  const create = webhooks
    .command('create')
    .description('create a webhook and print its id and its secret, which is shown only once')
    .argument('<url>', 'where the events are sent to: an https URL, or http in a network of DELIVERY_ALLOWED_NETWORKS')
    .addOption(typeOption('the types of events that it gets, separated by commas; can be repeated; all without it'))
    .action(async (url: string, { type: types }: { type?: string[] }) =>
      withKeys(await configure(), async context => {
        const [{ createWebhook }, { createdWebhookView }] = await Promise.all([domain(), views()])
        const { webhook, secret } = await createWebhook(context, { url, types }, ACTOR)
        printResult(createdWebhookView(webhook, secret), () => {
          print(`Created the webhook ${webhook.id} for ${typesInWords(webhook)}.`)
          print(shownOnce(secret))
        })
      }),
    )
  withExamples(
    create,
    'webhooks create https://shop.example/latchkey',
    'webhooks create https://shop.example/latchkey --type registered,user_deleted --json',
  )

  const update = webhooks
    .command('update')
    .description('change a webhook; what waits is sent to the new address')
    .argument(ID)
    .option('--url <url>', 'where the events are sent to')
    .addOption(typeOption('the types of events that it gets from now on').conflicts('allTypes'))
    .option('--all-types', 'it gets events of all types')
    .addOption(new Option('--enable', 'send to it again, also if the service disabled it').conflicts('disable'))
    .option('--disable', 'send nothing more: what waits is kept, and new events are not queued')
    .action(async (id: string, { url, type, allTypes, enable, disable }: UpdateOptions) => {
      const types = allTypes ? null : type
      const enabled = enable ? true : disable ? false : undefined
      if ([url, types, enabled].every(value => value === undefined))
        throw new UsageError('give what to change: --url, --type, --all-types, --enable or --disable.')
      await withDatabase(await configure(), async ({ db }) => {
        const [{ changeWebhook }, { webhookView }] = await Promise.all([domain(), views()])
        const changed = await changeWebhook({ db }, id, { url, types, enabled }, ACTOR)
        printResult(webhookView(changed), () => printWebhook(changed))
      })
    })
  withExamples(
    update,
    'webhooks update 01a221b9-f36d-774d-ae5e-818f70c7a991 --enable',
    'webhooks update 01a221b9-f36d-774d-ae5e-818f70c7a991 --url https://hooks.shop.example/latchkey --all-types',
  )

  const rotate = webhooks
    .command('rotate')
    .description('replace the secret and print the new one once; for a day each message has a signature of both')
    .argument(ID)
    .option('--immediately', 'the earlier secret signs nothing more: somebody else knows it')
    .action(async (id: string, options: { immediately?: true }) =>
      withKeys(await configure(), async context => {
        const { rotateWebhookSecret } = await domain()
        const secret = await rotateWebhookSecret({ ...context, clock: Date.now }, id, options, ACTOR)
        printResult({ id, secret }, () => {
          print(
            options.immediately
              ? 'Replaced the secret; the earlier one signs nothing more.'
              : 'Replaced the secret; for a day the earlier one signs too.',
          )
          print(shownOnce(secret))
        })
      }),
    )
  withExamples(rotate, 'webhooks rotate 01a221b9-f36d-774d-ae5e-818f70c7a991')

  const remove = webhooks
    .command('remove')
    .alias('delete')
    .description('remove a webhook with everything that waits for it')
    .argument(ID)
    .action(async (id: string) =>
      withDatabase(await configure(), async ({ db }) => {
        const { removeWebhook } = await domain()
        await removeWebhook({ db }, id, ACTOR)
        printResult({ id, removed: true }, () => print(`Removed the webhook ${id}.`))
      }),
    )
  withExamples(remove, 'webhooks remove 01a221b9-f36d-774d-ae5e-818f70c7a991')
}

interface UpdateOptions {
  url?: string
  type?: string[]
  allTypes?: true
  enable?: true
  disable?: true
}

function addReadingCommands(webhooks: Command, configure: Configure): void {
  const list = webhooks
    .command('list')
    .description('list all webhooks, with what waits for them')
    .action(async () =>
      withDatabase(await configure(), async ({ db }) => {
        const [{ listWebhooks }, { webhookView }] = await Promise.all([domain(), views()])
        const rows = await listWebhooks({ db })
        if (isJson()) return printArray(rows.map(webhookView))
        const cells = rows.map(row => [
          row.id,
          stateOf(row),
          String(row.backlog.waiting),
          String(row.backlog.abandoned),
          formatInstant(row.succeededAt),
          row.types?.join(',') ?? 'all',
          row.url,
        ])
        printTable([['ID', 'STATE', 'WAITING', 'GIVEN UP', 'SUCCEEDED', 'TYPES', 'URL'], ...cells], print)
      }),
    )
  withExamples(list, 'webhooks list', 'webhooks list --json')

  const show = webhooks
    .command('show')
    .description('show one webhook, with what waits for it')
    .argument(ID)
    .action(async (id: string) =>
      withDatabase(await configure(), async ({ db }) => {
        const [{ getWebhook }, { webhookView }] = await Promise.all([domain(), views()])
        const webhook = await getWebhook({ db }, id)
        printResult(webhookView(webhook), () => printWebhook(webhook))
      }),
    )
  withExamples(show, 'webhooks show 01a221b9-f36d-774d-ae5e-818f70c7a991')

  const failed = withLimit(
    webhooks.command('failed').description('list the events that were given up, the latest first').argument(ID),
    'events',
    FAILED_LIMIT,
  ).action(async (id: string, options: PageOptions) =>
    withDatabase(await configure(), async ({ db }) => {
      const [{ abandonedDeliveries }, { failedDeliveryView }] = await Promise.all([replaying(), views()])
      const limit = limitOf(options, FAILED_LIMIT)
      const rows: ReturnType<typeof failedDeliveryView>[] = []
      let cursor: string | undefined
      do {
        const page = await abandonedDeliveries({ db }, id, { cursor, limit: Math.min(limit - rows.length, PAGE_SIZE) })
        rows.push(...page.deliveries.map(failedDeliveryView))
        cursor = page.nextCursor ?? undefined
      } while (cursor !== undefined && rows.length < limit)
      if (isJson()) return printArray(rows)
      const cells = rows.map(row => [
        formatInstant(new Date(row.abandoned_at)),
        row.type ?? '-',
        row.user_id ?? '-',
        String(row.attempts),
        row.event_id,
        row.reason,
      ])
      printTable([['GIVEN UP', 'TYPE', 'USER', 'ATTEMPTS', 'EVENT', 'REASON'], ...cells], print)
      if (cursor !== undefined) say('There are more: --all prints them.')
    }),
  )
  withExamples(failed, 'webhooks failed 01a221b9-f36d-774d-ae5e-818f70c7a991 --limit 20')
}

function addSendingCommands(webhooks: Command, configure: Configure): void {
  const test = webhooks
    .command('test')
    .description('send a message of the type "test" now, from this machine, and say how it ended')
    .argument(ID)
    .addHelpText('after', '\nThe exit code is 1 if the message was not delivered.')
    .action(async (id: string) =>
      withKeys(await configure(), async ({ config, ...context }) => {
        const [{ testWebhook }, { createPoster }, { allowedAddresses }] = await Promise.all([
          domain(),
          import('../lib/post.js'),
          import('../lib/allowed-addresses.js'),
        ])
        const poster = createPoster(allowedAddresses(config.deliveryAllowedNetworks))
        try {
          const tested = await testWebhook({ ...context, poster, clock: Date.now }, id)
          const message = tested.reason === null ? 'Delivered.' : `It was not delivered: ${tested.reason}.`
          printResult(tested, () => print(message))
          if (tested.outcome !== 'delivered') exitIncomplete(1, { code: 'failed', message })
        } finally {
          poster.close()
        }
      }),
    )
  withExamples(test, 'webhooks test 01a221b9-f36d-774d-ae5e-818f70c7a991')

  const replay = webhooks
    .command('replay')
    .description('send events again: what was given up, or with --since everything from then until now')
    .argument(ID)
    .addOption(
      new Option(
        '--since <instant>',
        'an instant such as 2026-07-01T12:00:00Z, or how long ago, such as 12h',
      ).argParser(readSince),
    )
    .addHelpText('after', '\nThe command queues the events; the running service sends them.')
    .action(async (id: string, { since }: { since?: Date }) =>
      withDatabase(await configure(), async ({ db }) => {
        const { replayEvents } = await replaying()
        const onProgress = (queued: number) => say(`${queued} events queued so far.`)
        const { queued } = await replayEvents({ db, dispatcher: undefined }, id, { since, actor: ACTOR, onProgress })
        printResult({ id, queued }, () => print(`Queued ${queued} ${queued === 1 ? 'event' : 'events'}.`))
      }),
    )
  withExamples(
    replay,
    'webhooks replay 01a221b9-f36d-774d-ae5e-818f70c7a991',
    'webhooks replay 01a221b9-f36d-774d-ae5e-818f70c7a991 --since 2d',
  )
}

/** As {@link withDatabase}, with the keys that encrypt the secrets of webhooks. */
async function withKeys(
  config: Awaited<ReturnType<Configure>>,
  command: (context: OpenedDatabase & { secrets: Secrets }) => Promise<void>,
): Promise<void> {
  const { deriveSecrets } = await import('../domain/keys/secrets.js')
  const secrets = deriveSecrets(config)
  await withDatabase(config, opened => command({ ...opened, secrets }))
}

type Secrets = ReturnType<typeof import('../domain/keys/secrets.js')['deriveSecrets']>

function stateOf({ disabledAt, failingSince }: Webhook): string {
  if (disabledAt !== null) return 'disabled'
  return failingSince === null ? 'enabled' : 'failing'
}

function typesInWords({ types }: Webhook): string {
  return types === null ? 'events of all types' : `events of the types ${types.join(', ')}`
}

function printWebhook(webhook: Webhook): void {
  const { backlog, disabledReason } = webhook
  printFields([
    ['id', webhook.id],
    ['url', webhook.url],
    ['types', webhook.types?.join(', ') ?? 'all'],
    ['state', disabledReason === null ? stateOf(webhook) : `disabled: ${disabledReason}`],
    ['created', formatInstant(webhook.createdAt)],
    ['waiting', String(backlog.waiting)],
    ['oldest waits since', formatInstant(backlog.oldestAt)],
    ['given up', String(backlog.abandoned)],
    ['succeeded', formatInstant(webhook.succeededAt)],
    ['failing since', formatInstant(webhook.failingSince)],
  ])
}

// Imported when a command needs it, so that the help is printed without loading it.
const domain = () => import('../domain/webhooks/webhooks.js')
const replaying = () => import('../domain/webhooks/replay.js')
const views = () => import('../http/webhook-views.js')
