CREATE TABLE "device_failures" (
	"device_id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"attempts" integer NOT NULL,
	"expires_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "password_resets" (
	"user_id" uuid PRIMARY KEY NOT NULL,
	"token_hash" "bytea" NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
DROP INDEX "security_events_of_user";--> statement-breakpoint
DROP INDEX "users_email";--> statement-breakpoint
DROP INDEX "users_username";--> statement-breakpoint
DROP INDEX "users_external_id";--> statement-breakpoint
ALTER TABLE "clients" ADD COLUMN "token_version" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "clients" ADD COLUMN "created_at" timestamp with time zone DEFAULT now() NOT NULL;--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "remember" boolean DEFAULT true NOT NULL;--> statement-breakpoint
ALTER TABLE "device_failures" ADD CONSTRAINT "device_failures_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "password_resets" ADD CONSTRAINT "password_resets_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "device_failures_of_user" ON "device_failures" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "revocations_of_tokens" ON "revocations" USING btree ("subject") WHERE "revocations"."kind" in ('token', 'key');--> statement-breakpoint
CREATE INDEX "security_events_of_everyone" ON "security_events" USING btree ("at" DESC NULLS FIRST,"id" DESC NULLS FIRST) WHERE "security_events"."type" = 'everyone_signed_out';--> statement-breakpoint
CREATE INDEX "sessions_of_client" ON "sessions" USING btree ("client_id","id") WHERE "sessions"."client_id" <> 'latchkey';--> statement-breakpoint
CREATE INDEX "users_foreign_hashes" ON "users" USING btree (substring("password_hash" from '^(?:\$argon2id\$(?:v=\d{1,3}\$)?[^$]{1,64}|\$2[aby]\$\d\d|pbkdf2_sha256\$\d{1,10}|\$scrypt\$[^$]{1,64})')) WHERE "password_hash" not like '$argon2id$v=19$m=19456,t=2,p=1$%';--> statement-breakpoint
CREATE INDEX "security_events_of_user" ON "security_events" USING btree ("user_id","at" DESC NULLS FIRST,"id" DESC NULLS FIRST);--> statement-breakpoint
CREATE UNIQUE INDEX "users_email" ON "users" USING btree ("email" text_pattern_ops);--> statement-breakpoint
CREATE UNIQUE INDEX "users_username" ON "users" USING btree ("username" text_pattern_ops);--> statement-breakpoint
CREATE UNIQUE INDEX "users_external_id" ON "users" USING btree ("external_id" text_pattern_ops);