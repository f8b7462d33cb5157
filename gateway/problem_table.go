package gateway

import "net/http"

// kind is a row of the table of problems.
type kind struct {
	code   string
	status int
	title  string // what kind of problem it is, always the same for a code
	help   string // when it is answered and what to do, for docs/problems.md
}

// problemGroup is a section of docs/problems.md.
type problemGroup struct {
	title string
	kinds []kind
}

// problemTable is the one table from codes to status codes. A code is stable: clients decide by it. Those of the last three
// groups are rules of the language; packages dag, steps and yamlx have them under the same names.
var problemTable = []problemGroup{
	{"The request", []kind{
		{"empty_body", 400, "The body is empty", "The route needs a body. Send one."},
		{"invalid_json", 400, "The body is not valid JSON", "The answer has the line and the column. JSON has no comments and no trailing commas."},
		{"json_too_deep", 400, "The body nests too deeply", "Lists and objects nest at most 64 deep, in YAML too. Send a flatter one."},
		{"duplicate_key", 400, "The body has a key twice", "Two readers could take different ones. Remove one."},
		{"invalid_utf8", 400, "The body is not valid UTF-8", "Send UTF-8, without NUL and without half of a surrogate pair. A byte order mark is taken."},
		{"unknown_field", 400, "There is no such field", "Look for a spelling mistake: names are compared by case too. In a definition it is 422, and the answer names the field that was probably meant."},
		{"body_unreadable", 400, "The body could not be read", "The connection broke off, or the body was shorter than its Content-Length. Send it again."},
		{"body_timeout", 408, "The body took too long", "A body has 10 s to arrive. Send it faster."},
		{"body_too_large", 413, "The body is too large", "A definition may have 4 MiB, every other body 2 MiB. Keep large data elsewhere and send a reference."},
		{"payload_too_large", 413, "The payload is too large", "The input or context of a run is larger than the detail says. Keep large data elsewhere and send a reference."},
		{"too_many_holds", 422, "There are too many holds", "At most 100 are on at a time. Lift some, or set one over more."},
		{"too_large", 413, "The document is too large", "The detail says how large one may be."},
		{"unsupported_media_type", 415, "The content type is not taken here", "Send Content-Type: application/json; definitions also application/yaml. UTF-8 only."},
		{"unsupported_encoding", 415, "Compressed bodies are not taken", "Send the body as it is, without Content-Encoding."},
		{"too_many_headers", 431, "The request has too many headers", "At most 100 header lines, 64 KiB together."},
		{"bad_upgrade", 400, "This is no WebSocket handshake", "Connect to /api/v1/stream with a WebSocket client of version 13, over HTTP/1.1."},
		{"misdirected_request", 421, "This server does not answer for that host", "Call the server by a name that it is configured for; with --dev, by localhost or a loopback address."},
		{"invalid_body", 422, "The body does not have the right shape", "errors[] names each field and what it takes."},
		{"invalid_argument", 400, "A parameter is not valid", "The detail names the parameter of the path, the query or the header. Unknown ones are refused too."},
		{"invalid_cursor", 400, "The cursor is not valid", "Send next_cursor of the page before, with the same filter."},
		{"invalid_after_seq", 400, "The place to resume at is not valid", "Send the seq of the last event you have: a whole number, not beyond the run's newest."},
		{"invalid_idempotency_key", 400, "The idempotency key is not valid", "Send one header with 1 to 255 printable ASCII characters."},
		{"invalid_tenant", 400, "The tenant is not valid", "Letters, digits, '.', '_' and '-', at most 64."},
		{"invalid_principal", 400, "The principal is not valid", "Letters, digits, '.', '_', '-', '@' and '+', at most 64."},
		{"invalid_input", 422, "The input is not valid", "It does not fit the definition's input schema, or is no JSON that can be kept."},
		{"invalid_context", 422, "The context is not valid", "Send an object."},
		{"invalid_labels", 422, "The labels are not valid", "At most 64, with names and values of text."},
		{"invalid_concurrency_key", 422, "The concurrency key cannot be used", "With this input, context and labels, concurrency.key of the definition gives nothing, or more than 256 bytes."},
		{"invalid_payload", 422, "The payload is not valid", "A signal's payload is any JSON value, at most 64 deep."},
		{"invalid_values", 422, "The values do not fit the approval's form", "The detail names each value and what it takes. The approval goes on waiting."},
		{"invalid_delegation", 422, "The delegation cannot be made like this", "It is to somebody else, written user:NAME, until a time to come, and an approval takes only so many."},
		{"invalid_name", 422, "The name is not valid", "The detail says what a name is made of."},
		{"reason_needed", 422, "A reason is needed", "Say why in reason, or in the header X-Reason: nothing else will tell later."},
		{"impossible_filter", 400, "The filter can name no run that takes this", "The detail has the states in which a run takes the action. Leave the state out, and only those runs are meant."},
		{"unknown_topic", 422, "The topic is not registered", "cordum topic list shows those that are; an admin registers others: cordum topic create."},
		{"invalid_topic", 422, "The topic cannot be registered like this", "The detail names the field and what it takes."},
		{"unknown_schema", 422, "There is no such registered schema", "cordum schema list shows those that there are. Register it first: cordum schema put."},
		{"invalid_schema", 422, "This is no JSON Schema that can be kept", "JSON Schema 2020-12, at most 256 KiB, that refers to nothing outside itself."},
		{"invalid_credential", 422, "The worker's credential cannot be made like this", "The detail names the field: the worker's id, its topics, pools or capabilities."},
		{"invalid_job", 422, "The job is not valid", "errors[] names each field and what it takes."},
	}},
	{"Who asks", []kind{
		{"unauthenticated", 401, "Credentials are missing or wrong", "Send the key as X-API-Key or as Authorization: Bearer."},
		{"credentials_in_query", 401, "Credentials do not belong in the address", "Addresses end up in logs. Send the key as a header, and make a new one."},
		{"invalid_key", 422, "The key cannot be made like this", "The detail names the field: its name, roles, groups, scopes, owner or expiry."},
		{"forbidden", 403, "Your role does not allow this", "The detail names the role that is needed, or the scope that the key does not have. docs/roles.md has all of them."},
		{"four_eyes", 403, "Another person must approve this", "Who asked for it, edited it, or owns the key that did, may deny it but not approve it."},
		{"not_an_approver", 403, "You are not among the approvers", "Whom it needs is in its needs; one of them can answer, or delegate to you."},
		{"tenant_mismatch", 403, "Your credentials belong to another tenant", "Leave X-Tenant-ID out, or send the key's own tenant."},
		{"cross_origin", 403, "Pages of other origins may not do this", "Call from the server's own page, or name the page's origin in --allowed-origins."},
		{"loopback_only", 403, "Only this machine may read this", "Ask from the machine itself, or start the server with --metrics-public."},
		{"rate_limited", 429, "Too many requests", "Wait for the seconds in Retry-After."},
	}},
	{"What is there", []kind{
		{"not_found", 404, "There is no such thing", "It does not exist, or belongs to somebody else; also for a path that is written in another way than here."},
		{"method_not_allowed", 405, "The method is not allowed here", "The header Allow has those that are."},
		{"conflict", 409, "The state does not allow this", "It was decided, or has ended, meanwhile. Read it again before you go on."},
		{"invalid_config", 422, "The configuration is not valid", "The detail says what is wrong, with its line and column; what was in force stays in force."},
		{"lock_held", 409, "Somebody else holds the lock", "Wait for it with wait_sec, or try again. The detail says who holds it."},
		{"lock_lost", 409, "The lock is not held any more", "Its time was over, it was released, or it was taken from you by force: stop what you do under it, and acquire it again."},
		{"concurrency_limit", 409, "As many runs as the workflow allows are under way", "Wait until one with the same concurrency key has ended, or let the workflow queue: when_busy."},
		{"duplicate_subscription", 409, "A subscription with this id exists", "Choose another id, or unsubscribe first."},
		{"gone", 410, "This has expired", "The approval's time is over, or the link's; it can no longer be decided like this."},
		{"idempotency_key_reused", 422, "The idempotency key was used for another request", "Repeat the first request unchanged, or use a new key for this one. Nothing was done or stored."},
	}},
	{"The server", []kind{
		{"internal", 500, "Something went wrong here", "The cause is in the server's log under the answer's X-Request-Id."},
		{"not_configured", 501, "The server is not set up for this", "The detail names the setting that is missing."},
		{"overloaded", 503, "Too much to do right now", "Nothing was done. Wait for the seconds in Retry-After."},
		{"unavailable", 503, "Not available right now", "Whether it was done is not known: ask, or repeat it with the same Idempotency-Key."},
		{"too_many_viewers", 503, "Too many live viewers", "Wait for the seconds in Retry-After."},
		{"outcome_unknown", 504, "Whether it was done is not known", "The store or the engine did not say in time: it may have been done or not, or be done soon. If it was sent with an Idempotency-Key, repeat it with the same one; else look before you repeat it. Location, where it is there, is where it would be seen; that it is not there yet does not say that it was not done."},
		{"deadline_exceeded", 504, "No answer in time", "Whether it was done is not known: ask, or repeat it with the same Idempotency-Key."},
	}},
	{"The definition", []kind{
		{"invalid_definition", 422, "The definition is not valid", "errors[] has each thing that is wrong, with its line, column and rule."},
		{"invalid_yaml", 400, "The body is not valid YAML", "The answer has the line and the column."},
		{"yaml_alias_limit", 400, "The YAML repeats too much", "An alias stands inside what it names, or all together repeat more than 200,000 values. Write it out."},
		{"yaml_tag_refused", 400, "The YAML has a tag", "Tags (!!…) are not taken. Remove it; write the value as JSON would."},
		{"multiple_documents", 400, "The body holds more than one document", "Send each definition by itself."},
		{"document_too_large", 413, "The definition is too large", "At most 4 MiB and 500,000 values."},
		{"missing_field", 422, "A field is missing", "Add it."},
		{"conflicting_fields", 422, "Two fields exclude each other", "Keep one of them."},
		{"wrong_type", 422, "A value has the wrong type", "The detail says what the field takes. YAML's no, 010 and dates are text."},
		{"bad_value", 422, "A value is not allowed", "The detail says what the field takes."},
		{"out_of_range", 422, "A number is out of range", "The detail has the range."},
		{"invalid_duration", 422, "A duration is not valid", "Write 250ms, 30s, 5m, 1h30m, 7d or PT5M; more than nothing, at most 366 days."},
		{"bad_timestamp", 422, "A time is not valid", "Write it as RFC 3339: 2026-11-21T10:00:00Z."},
		{"invalid_id", 422, "An id is not valid", "Lower-case letters, digits, '-' and '_', at most 63, beginning with a letter or digit; a workflow's may have dots."},
		{"duplicate_id", 422, "Two steps have the same id", "Rename one."},
		{"unknown_type", 422, "There is no such type of step", "The detail lists those that there are."},
		{"no_steps", 422, "There are no steps", "Add at least one."},
		{"too_many_steps", 422, "There are too many steps", "At most 10,000 steps and 100,000 dependencies."},
		{"unknown_dependency", 422, "A step depends on one that does not exist", "The answer names the step that was probably meant."},
		{"duplicate_dependency", 422, "A step depends on another one twice", "Remove one."},
		{"cycle", 422, "Steps depend on each other in a circle", "The detail prints the circle. Remove one of its dependencies."},
		{"switch_target_not_dependent", 422, "A switch chooses a step that does not wait for it", "Name the switch in the step's depends_on."},
		{"subflow_cycle", 422, "Sub-workflows lead back to the workflow", "The detail prints the way. A workflow cannot be a part of itself."},
		{"bad_join", 422, "The join is not valid", "One of all_success, all_done, any_success, none_failed, any_failed, {at_least: k}."},
		{"at_least_out_of_range", 422, "The join waits for more steps than there are", "k is from 1 to the number of dependencies."},
	}},
	{"Policies", []kind{
		{"invalid_policy", 422, "The policy is not valid", "errors[] has each thing that is wrong, with its line, column and rule. What was in force stays."},
		{"signature_required", 403, "Only signed policies are taken here", "Sign the exact bytes of the bundle with a key whose public half the server has (SAFETY_POLICY_PUBLIC_KEY), and send the signature beside it."},
		{"bad_signature", 403, "The signature does not verify", "It must be over exactly the bytes that were sent, by a key that the server has: ECDSA P-256 in DER over SHA-256, or Ed25519; in base64 or hex."},
		{"version_rollback", 409, "An older version of a signed bundle is not taken", "Give what you publish a higher version, or go back on purpose: cordum policy rollback."},
		{"policy_denied", 403, "The policy does not allow this", "The detail names the rule. For changes of the policy itself an admin can go past it with break-glass and a reason, which is recorded."},
		{"unapprovable", 422, "Nobody could approve this, or take it back", "A rule asks for more people than it names, or forbids the rollback of the policy it is part of. Change it, or publish it with break-glass and a reason."},
		{"newly_denied", 409, "Too many past decisions would be denied", "cordum policy replay shows which. Change the policy, or allow more with max_newly_denied. Nothing was published."},
		{"precondition_failed", 412, "It is not what you think it is", "Read it again, and send the ETag that it has now as If-Match."},
	}},
	{"Expressions and templates", []kind{
		{"expr_syntax", 422, "An expression cannot be read", "The detail has the place."},
		{"expr_type", 422, "An expression does not fit its types", "The detail says what does not fit."},
		{"expr_too_long", 422, "An expression is too long", "At most 4 KiB. Move the work into a step."},
		{"expr_too_deep", 422, "An expression nests too deeply", "At most 100 brackets or signs within each other."},
		{"unknown_name", 422, "An expression uses a name that does not exist", "Known are input, ctx, labels, run and steps. There is no clock, no random number and no environment."},
		{"unknown_step", 422, "An expression reads a step that does not exist", "The answer names the step that was probably meant."},
		{"not_upstream", 422, "An expression reads a step that need not have ended", "Name the step in depends_on."},
		{"unknown_schema_field", 422, "An expression reads a field that the schema does not have", "The answer names the field that was probably meant."},
		{"fan_out_limit", 422, "A fan-out has too many items", "At most 100,000 items, 16 MiB together."},
		{"secret_in_expression", 422, "An expression reads a secret", "Secrets go to workers only, never into conditions or texts."},
		{"template_not_allowed", 422, "A template stands where none may", "This field must be known before a run. Write the value."},
	}},
	{"Compensation and checkpoints", []kind{
		{"compensate_irreversible", 422, "What cannot be undone has a compensation", "Remove compensate, or write another effect than irreversible."},
		{"compensation_cycle", 422, "A compensation reads a step that comes later", "What comes later is undone first. Read the step itself or one upstream of it."},
		{"duplicate_checkpoint", 422, "Two steps have the same checkpoint", "Rename one."},
		{"unknown_checkpoint", 422, "There is no such checkpoint", "rollback_to names the checkpoint of a step of the workflow itself."},
	}},
}

// problems finds a row by its code.
var problems = func() map[string]kind {
	byCode := map[string]kind{}
	for _, group := range problemTable {
		for _, k := range group.kinds {
			byCode[k.code] = k
		}
	}
	return byCode
}()

// isSyntax tells whether a rule of the language is about text that cannot be read at all.
func (k kind) isSyntax() bool {
	return k.status == http.StatusBadRequest || k.status == http.StatusRequestEntityTooLarge
}
