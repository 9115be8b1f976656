import type { FastifyReply } from 'fastify'

/** The parts of Django REST framework's answer to OPTIONS that differ between views. */
export interface View {
  name: string
  description: string
  /** The value of the header Allow. */
  allow: string
  /** The media types of the bodies that the view accepts. */
  parses: readonly string[]
  /** The fields of POST; all of them are strings and required. */
  fields?: readonly string[]
}

/** Answers OPTIONS as Django REST framework does. Some clients read there whether they can post, and which fields. */
export function describeView(reply: FastifyReply, { allow, fields, name, description, parses }: View): FastifyReply {
  const field = (name: string) => ({ type: 'string', required: true, read_only: false, label: labelOf(name) })
  return reply.header('allow', allow).send({
    name,
    description,
    renders: ['application/json'],
    parses,
    ...(fields && { actions: { POST: Object.fromEntries(fields.map(name => [name, field(name)])) } }),
  })
}

function labelOf(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1)
}
