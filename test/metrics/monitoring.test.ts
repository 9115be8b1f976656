import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { signUp } from '../support/people.js'
import { makeFolder } from '../support/servers/embedded-fixture.js'
import { measuredApp } from './measured-app.js'
import { promtool } from './promtool.js'

const ALERTS = 'deploy/monitoring/alerts.yml'
const DASHBOARD = 'deploy/monitoring/grafana.json'

interface Alert {
  alert: string
  expr: string
  labels: { severity: string }
  annotations: { summary: string; description: string; runbook_url: string }
}

interface Panel {
  id: number
  type: string
  title: string
  gridPos: { x: number; y: number; w: number; h: number }
  targets?: { refId: string; expr: string }[]
}

async function alerts(): Promise<Alert[]> {
  const { groups } = parse(await readFile(ALERTS, 'utf8')) as { groups: { rules: Alert[] }[] }
  return groups.flatMap(({ rules }) => rules)
}

async function panels(): Promise<Panel[]> {
  return (JSON.parse(await readFile(DASHBOARD, 'utf8')) as { panels: Panel[] }).panels
}

t.test('promtool accepts the metrics of a running service', async t => {
  const { app, metrics } = await measuredApp(t)
  await signUp(app)
  const text = await metrics.render()
  const { output } = await promtool(['check', 'metrics'], text)
  // The names of the default metrics are those that prom-client has always used.
  const about = output.split('\n').filter(line => /latchkey|error|pars/.test(line))
  t.same(about, [])
  const broken = await promtool(['check', 'metrics'], text.replace('latchkey_ready 1', 'latchkey_ready one'))
  t.notOk(broken.isFine, 'it refuses a text that is not one of Prometheus')
})

t.test('every alert fires when it must, and none for a healthy service', async t => {
  const rules = await promtool(['check', 'rules', ALERTS])
  t.ok(rules.isFine, rules.output)
  const tests = await promtool(['test', 'rules', 'deploy/monitoring/alerts.test.yml'])
  t.ok(tests.isFine, tests.output)
  const tested = await readFile('deploy/monitoring/alerts.test.yml', 'utf8')
  for (const { alert } of await alerts()) t.match(tested, `- name: ${alert}\n`, `${alert} has a test`)
})

t.test('every alert says what happens and what to do', async t => {
  for (const { alert, labels, annotations } of await alerts()) {
    t.match(annotations.summary, /^[A-Z].*\.$/, alert)
    t.match(annotations.description, /\.$/, alert)
    t.match(annotations.runbook_url, /^docs\/operations\.md#[a-z0-9-]+$/, alert)
    t.match(labels.severity, /^(critical|warning)$/, alert)
  }
})

t.test('the runbook of each alert names one of its metrics, or the problem that /readyz names', async t => {
  const page = await readFile('docs/operations.md', 'utf8')
  const parts = page.split(/^### /m).slice(1)
  const runbook = new Map(
    parts.map(part => [
      part
        .split('\n', 1)[0]!
        .toLowerCase()
        .replaceAll(/[^a-z0-9 -]/g, '')
        .replaceAll(' ', '-'),
      part,
    ]),
  )
  const linked = new Set<string>()
  for (const { alert, expr, annotations } of await alerts()) {
    const anchor = annotations.runbook_url.split('#')[1]!
    linked.add(anchor)
    const part = runbook.get(anchor)
    if (part === undefined) {
      t.fail(`${alert}: docs/operations.md has no heading for #${anchor}`)
      continue
    }
    const families = (expr.match(/\b(up|(?:latchkey|nodejs)_\w+)\b/g) ?? []).map(name =>
      name.replace(/_(bucket|count)$/, ''),
    )
    const [, problem] = /problem=~?"([a-z-]+)/.exec(expr) ?? []
    const isNamed =
      families.some(name => part.includes(`\`${name}`)) || (problem !== undefined && part.includes('/readyz'))
    t.ok(isNamed, `${alert}: its runbook names the metric`)
    t.match(part, '*Over*', `${alert}: its runbook says how to know that it is over`)
  }
  t.same(
    [...runbook.keys()].filter(anchor => !linked.has(anchor)),
    [],
    'no part is without its alert',
  )
})

t.test('the alerts and the dashboard use only metrics that the service exports', async t => {
  const { metrics } = await measuredApp(t)
  const exported = new Set(['up'])
  for (const { name, type } of await metrics.describe()) {
    exported.add(name)
    if (type === 'histogram') for (const suffix of ['bucket', 'sum', 'count']) exported.add(`${name}_${suffix}`)
  }
  const expressions = [
    ...(await alerts()).map(({ alert, expr }) => ({ where: alert, expr })),
    ...(await panels()).flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ where: title, expr }))),
  ]
  for (const { where, expr } of expressions) {
    const names = expr.match(/\b(latchkey_\w+|nodejs_\w+|process_\w+)\b/g) ?? []
    t.ok(names.length > 0 || expr.includes('up{'), `${where} uses a metric`)
    for (const name of names) t.ok(exported.has(name), `${where}: ${name}`)
  }
})

t.test('promtool accepts every expression of the dashboard', async t => {
  const rules = (await panels()).flatMap(({ id, targets = [] }) =>
    targets.map(({ refId, expr }) => ({
      record: `panel_${id}_${refId}`,
      expr: expr.replaceAll('$__rate_interval', '5m').replaceAll(/\$(job|instance)/g, '.*'),
    })),
  )
  const file = join(await makeFolder(t), 'panels.yml')
  await writeFile(file, JSON.stringify({ groups: [{ name: 'panels', rules }] }))
  const checked = await promtool(['check', 'rules', file])
  t.ok(checked.isFine, checked.output)
  t.match(checked.output, `${rules.length} rules found`)
})

t.test('the dashboard is one that Grafana can load', async t => {
  const all = await panels()
  t.equal(new Set(all.map(({ id }) => id)).size, all.length, 'no id occurs twice')
  t.equal(new Set(all.map(({ title }) => title)).size, all.length, 'no title occurs twice')
  const taken = new Set<string>()
  for (const { title, gridPos, type, targets = [] } of all) {
    t.ok(gridPos.x + gridPos.w <= 24, `${title} fits the width`)
    t.equal(targets.length > 0, type !== 'row', title)
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        if (taken.has(`${x},${y}`)) t.fail(`${title} covers another panel`)
        taken.add(`${x},${y}`)
      }
  }
})

t.test('docs/metrics.md lists every metric and every alert', async t => {
  const page = await readFile('docs/metrics.md', 'utf8')
  const { metrics } = await measuredApp(t)
  const exported = (await metrics.describe()).filter(({ name }) => name.startsWith('latchkey_'))
  const rows = [...page.matchAll(/^\| `(latchkey_\w+)` \| (\w+) \| [^|]*\| (.+) \|$/gm)].map(
    ([, name, type, help]) => ({
      name,
      type,
      help,
    }),
  )
  const byName = (a: { name?: string | undefined }, b: { name?: string | undefined }) => (a.name! < b.name! ? -1 : 1)
  t.same(rows.sort(byName), exported.map(({ name, type, help }) => ({ name, type, help })).sort(byName))
  for (const { alert, annotations } of await alerts())
    t.ok(page.includes(`| \`${alert}\` |`) && page.includes(annotations.summary), alert)
})
