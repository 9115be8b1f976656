/** Bodies that the page at /docs offers. */
export const examples = {
  openSession: {
    browser: {
      summary: 'A user who signed in with a password and a one-time code',
      value: { ip: '198.51.100.7', user_agent: 'Mozilla/5.0 (X11; Linux x86_64)', auth_methods: ['pwd', 'otp'] },
    },
  },
  createUser: {
    editor: { summary: 'A user with a role', value: { email: 'grace@example.com', roles: ['editor'] } },
    complete: {
      summary: 'With every name',
      value: { email: 'grace@example.com', username: 'grace', external_id: 'hr-1042', roles: ['editor'] },
    },
  },
  changeUser: {
    roles: { summary: 'Other roles', value: { roles: ['editor', 'reviewer'] } },
    names: { summary: 'Other names', value: { email: 'grace.hopper@example.com', username: 'hopper' } },
  },
  claims: {
    tenant: { summary: 'The tenant and the plan of the user', value: { tenant: 'acme', plan: 'team' } },
    none: { summary: 'No claims', value: {} },
  },
  metadata: {
    notes: { summary: 'What a CRM knows', value: { crm_id: 4711, segments: ['beta', 'newsletter'] } },
  },
  globalTokenRevocation: {
    email: { summary: 'By the e-mail', value: { sub_id: { format: 'email', email: 'grace@example.com' } } },
  },
  revocation: {
    role: { summary: 'The users with a role', value: { role: 'editor' } },
    everyone: { summary: 'All sessions that began before a time', value: { before: '2026-01-02T03:04:05Z' } },
    client: { summary: 'The sessions that users opened themselves', value: { client_id: 'latchkey' } },
  },
  createWebhook: {
    everything: { summary: 'For every event', value: { url: 'https://shop.example/latchkey' } },
    some: {
      summary: 'For some types',
      value: { url: 'https://shop.example/latchkey', types: ['registered', 'user_deleted'] },
    },
  },
  changeWebhook: {
    types: { summary: 'Other types', value: { types: ['registered', 'signed_in'] } },
    move: { summary: 'Another address', value: { url: 'https://hooks.shop.example/latchkey', types: null } },
    disable: { summary: 'Send nothing more', value: { enabled: false } },
  },
  rotateWebhookSecret: {
    overlap: { summary: 'The earlier secret signs for a day', value: {} },
    leaked: { summary: 'The earlier secret ends at once', value: { immediately: true } },
  },
  replayWebhook: {
    givenUp: { summary: 'What was given up', value: {} },
    since: { summary: 'Every event from a time on', value: { since: '2026-01-02T03:04:05Z' } },
  },
}
