DROP INDEX "users_email";--> statement-breakpoint
DROP INDEX "users_username";--> statement-breakpoint
DROP INDEX "users_external_id";--> statement-breakpoint
ALTER TABLE "clients" ADD COLUMN "token_version" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "clients" ADD COLUMN "created_at" timestamp with time zone DEFAULT now() NOT NULL;--> statement-breakpoint
CREATE INDEX "revocations_of_tokens" ON "revocations" USING btree ("subject") WHERE "revocations"."kind" in ('token', 'key');--> statement-breakpoint
CREATE INDEX "sessions_of_client" ON "sessions" USING btree ("client_id","id") WHERE "sessions"."client_id" <> 'latchkey';--> statement-breakpoint
CREATE UNIQUE INDEX "users_email" ON "users" USING btree ("email" text_pattern_ops);--> statement-breakpoint
CREATE UNIQUE INDEX "users_username" ON "users" USING btree ("username" text_pattern_ops);--> statement-breakpoint
CREATE UNIQUE INDEX "users_external_id" ON "users" USING btree ("external_id" text_pattern_ops);