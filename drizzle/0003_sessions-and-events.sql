DROP INDEX "security_events_of_user";--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "remember" boolean DEFAULT true NOT NULL;--> statement-breakpoint
CREATE INDEX "security_events_of_everyone" ON "security_events" USING btree ("at" DESC NULLS FIRST,"id" DESC NULLS FIRST) WHERE "security_events"."type" = 'everyone_signed_out';--> statement-breakpoint
CREATE INDEX "security_events_of_user" ON "security_events" USING btree ("user_id","at" DESC NULLS FIRST,"id" DESC NULLS FIRST);