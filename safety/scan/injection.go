package scan

// gap is what may stand between two words of a phrase.
const gap = `\s{1,8}`

// phrases are those by which a text speaks to the model that reads it. They are signs and no proof: a rule that asks for
// them quarantines rather than denies.
var phrases = []pattern{
	{
		scanner: Injection, name: "ignore_instructions", left: word, right: word,
		expr: `(?i:(?:ignore|disregard|forget|override|bypass)` + gap + `(?:(?:all|any|every|of|the|these|those|each)` + gap + `){0,3}` +
			`(?:previous|prior|above|earlier|preceding|foregoing|your|system|all)` + gap +
			`(?:(?:previous|prior|above|earlier|system|safety|developer|given|other|of|the|your)` + gap + `){0,3}` +
			`(?:instructions?|prompts?|rules?|directions?|directives?|guidelines?|messages?|commands?|constraints?|training|context))`,
	},
	{
		scanner: Injection, name: "new_instructions", left: word, right: word,
		expr: `(?i:(?:your|here` + gap + `are` + gap + `your|these` + gap + `are` + gap + `your)` + gap + `(?:new|real|actual|true|updated)` + gap +
			`(?:instructions?|tasks?|roles?|goals?|objectives?|purpose|orders?))`,
	},
	{
		scanner: Injection, name: "reveal_prompt", left: word, right: word,
		expr: `(?i:(?:reveal|print|show|repeat|output|display|leak|expose|recite|tell)` + gap + `(?:me` + gap + `|us` + gap + `)?(?:your|the)` + gap +
			`(?:(?:full|entire|exact|original|complete)` + gap + `)?(?:system|initial|hidden|secret|developer)` + gap +
			`(?:prompt|instructions?|message|rules|guidelines))`,
	},
	{
		scanner: Injection, name: "role_play", left: word, right: word,
		expr: `(?i:you` + gap + `are` + gap + `(?:now` + gap + `)?(?:(?:in|an?)` + gap + `)?(?:dan|jailbroken|unrestricted|unfiltered|uncensored|developer` + gap + `mode|god` + gap + `mode))`,
	},
	{
		scanner: Injection, name: "role_play", left: word, right: word,
		expr: `(?i:(?:act|behave|respond|answer|pretend)` + gap + `(?:as` + gap + `(?:if|though)` + gap + `you` + gap + `|to` + gap + `|as` + gap + `|like` + gap + `)` +
			`[^.\n]{0,40}\b(?:no` + gap + `(?:restrictions|rules|limits|filters|guidelines)|unrestricted|unfiltered|jailbroken|uncensored))`,
	},
	{
		scanner: Injection, name: "switch_mode", left: word, right: word,
		expr: `(?i:(?:enable|enter|activate|switch` + gap + `to)` + gap + `(?:the` + gap + `)?(?:developer|debug|god|dan|jailbreak|admin|root)` + gap + `mode)`,
	},
	{
		scanner: Injection, name: "concealment", left: word, right: word,
		expr: `(?i:(?:do` + gap + `not|don['’]t|never)` + gap + `(?:tell|inform|mention|reveal|show|alert|notify)` + gap + `(?:this` + gap + `|it` + gap + `|about` + gap + `|any` + gap + `)?` +
			`(?:to` + gap + `)?(?:the` + gap + `)?(?:user|users|human|humans|operator|anyone|anybody))`,
	},
	{
		scanner: Injection, name: "exfiltration", left: word, right: word,
		expr: `(?i:(?:send|post|forward|upload|exfiltrate|transmit|leak)` + gap + `(?:(?:all|any|the|your|their|every|me)` + gap + `){0,3}` +
			`(?:api` + gap + `keys?|credentials?|passwords?|secrets?|tokens?|conversation|chat` + gap + `history|environment` + gap + `variables?|private` + gap + `keys?)` + gap +
			`(?:to|via|at)\b)`,
	},
	{scanner: Injection, name: "chat_markup", expr: `<\|(?:im_start|im_end|im_sep|system|user|assistant|endoftext|eot_id|start_header_id|end_header_id|begin_of_text)\|>`},
	{scanner: Injection, name: "chat_markup", expr: `(?:\[/INST\]|\[INST\]|<<SYS>>|<</SYS>>)`},
	{scanner: Injection, name: "chat_markup", expr: `(?i:</?system(?:[_-](?:prompt|message|note))?>|\[system[ _-]?(?:prompt|message|note)?\])`},
	{scanner: Injection, name: "hidden_text", expr: `[\x{E0001}-\x{E007F}]{4}`, lead: "\xf3\xa0", run: bytesOf("\xf3\xa0\x80-\xbf")},
}
