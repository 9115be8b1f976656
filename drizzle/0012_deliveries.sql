CREATE TABLE "deliveries" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "deliveries_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"receiver_id" uuid NOT NULL,
	"event_id" uuid NOT NULL,
	"lane" uuid NOT NULL,
	"queued_at" timestamp with time zone DEFAULT now() NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"next_attempt_at" timestamp with time zone DEFAULT now() NOT NULL,
	"reason" text,
	"abandoned_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "event_receivers" (
	"id" uuid PRIMARY KEY NOT NULL,
	"kind" text NOT NULL,
	"settings" jsonb NOT NULL,
	"secrets" "bytea" NOT NULL,
	"types" text[],
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"disabled_at" timestamp with time zone,
	"disabled_reason" text,
	"lease_holder" uuid,
	"leased_until" timestamp with time zone,
	"succeeded_at" timestamp with time zone,
	"failures" integer DEFAULT 0 NOT NULL,
	"failing_since" timestamp with time zone,
	"paused_until" timestamp with time zone
);
--> statement-breakpoint
CREATE INDEX "deliveries_waiting" ON "deliveries" USING btree ("receiver_id","next_attempt_at","id") WHERE "deliveries"."abandoned_at" is null;--> statement-breakpoint
CREATE INDEX "deliveries_in_lane" ON "deliveries" USING btree ("receiver_id","lane","id") WHERE "deliveries"."abandoned_at" is null;--> statement-breakpoint
CREATE INDEX "deliveries_abandoned" ON "deliveries" USING btree ("receiver_id","id") WHERE "deliveries"."abandoned_at" is not null;