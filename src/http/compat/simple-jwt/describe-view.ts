import type { FastifyReply } from 'fastify'

/** What Django REST framework tells who asks for a view by OPTIONS. */
export interface View {
  name: string
  description: string
  /** The methods that it answers to. */
  allow: string
  /** The types of the bodies that it reads. */
  parses: readonly string[]
  /** The fields that may be posted to it; all of them are texts, and needed. */
  fields?: readonly string[]
}

/** Answers OPTIONS as Django REST framework does. Some clients look there whether they may post, and what. */
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
