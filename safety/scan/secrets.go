package scan

// secrets are keys and tokens by the formats that their makers document, and passwords by what stands before them.
var secrets = []pattern{
	{scanner: Secret, name: "aws_access_key", expr: `(?:AKIA|ASIA|ABIA|ACCA)[2-7A-Z]{16}`, left: alnum, right: alnum},
	{scanner: Secret, name: "anthropic_key", expr: `sk-ant-[0-9a-z]{3,10}-[0-9A-Za-z_-]{20}`, run: urlish, left: alnum},
	{scanner: Secret, name: "azure_storage_key", expr: `AccountKey=([0-9A-Za-z+/]{86}==)`, hide: 1, left: alnum},
	{scanner: Secret, name: "basic_auth", expr: `(?i:basic)[ \t]{1,4}([0-9A-Za-z+/]{8})`, run: base64, hide: 1, check: basicAuth, left: alnum},
	{scanner: Secret, name: "bearer_token", expr: `(?i:bearer)[ \t]{1,4}([0-9A-Za-z._~+/-]{16})`, run: bytesOf("0-9A-Za-z._~+/=-"), hide: 1, check: random, left: alnum},
	{scanner: Secret, name: "credential", expr: `(?i:api[_-]?key|access[_-]?key|client[_-]?secret)` + assigned, run: valueBytes, hide: 1, check: value},
	{scanner: Secret, name: "credential", expr: `(?i:auth[_-]?token|access[_-]?token|refresh[_-]?token)` + assigned, run: valueBytes, hide: 1, check: value},
	{scanner: Secret, name: "password", expr: `(?i:pass(?:word|wd|phrase)|pwd)` + assigned, run: valueBytes, hide: 1, check: value},
	{scanner: Secret, name: "credential", expr: `(?i:secret(?:[_-]?(?:access)?[_-]?key)?|private[_-]?key)` + assigned, run: valueBytes, hide: 1, check: value},
	{scanner: Secret, name: "digitalocean_token", expr: `do[opr]_v1_[0-9a-f]{64}`, left: alnum, right: alnum},
	{scanner: Secret, name: "github_token", expr: `gh[oprsu]_[0-9A-Za-z]{36}`, run: alnum, left: alnum},
	{scanner: Secret, name: "github_token", expr: `github_pat_[0-9A-Za-z]{22}_[0-9A-Za-z]{59}`, run: alnum, left: alnum},
	{scanner: Secret, name: "gitlab_token", expr: `gl(?:pat|ptt|dt|rt|cbt|soat|ft|imt|agent)-[0-9A-Za-z_-]{20}`, run: urlish, left: alnum},
	{scanner: Secret, name: "google_api_key", expr: `AIza[0-9A-Za-z_-]{35}`, left: alnum, right: urlish},
	{scanner: Secret, name: "google_oauth_secret", expr: `GOCSPX-[0-9A-Za-z_-]{28}`, left: alnum, right: urlish},
	{scanner: Secret, name: "huggingface_token", expr: `hf_[0-9A-Za-z]{34}`, left: alnum, right: alnum},
	{scanner: Secret, name: "jwt", expr: `eyJ[0-9A-Za-z_-]{8}`, run: urlish, check: jwt, left: urlish},
	{scanner: Secret, name: "npm_token", expr: `npm_[0-9A-Za-z]{36}`, left: alnum, right: alnum},
	{scanner: Secret, name: "openai_key", expr: `sk-(?:proj-|svcacct-|admin-)?[0-9A-Za-z_-]{20}`, run: urlish, check: openAI, left: urlish},
	{scanner: Secret, name: "private_key", expr: `-----BEGIN [0-9A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----`, check: privateKey},
	{scanner: Secret, name: "pypi_token", expr: `pypi-AgE[0-9A-Za-z_-]{50}`, run: urlish, left: alnum},
	{scanner: Secret, name: "sendgrid_key", expr: `SG\.[0-9A-Za-z_-]{16,32}\.[0-9A-Za-z_-]{16}`, run: urlish, left: alnum},
	{scanner: Secret, name: "shopify_token", expr: `shp(?:at|ca|pa|ss)_[0-9A-Fa-f]{32}`, left: alnum, right: alnum},
	{scanner: Secret, name: "slack_token", expr: `xox[abeoprs]-[0-9A-Za-z-]{10}`, run: bytesOf("0-9A-Za-z-"), left: alnum},
	{scanner: Secret, name: "slack_webhook", expr: `hooks\.slack\.com/services/T[0-9A-Z]{6,12}/B[0-9A-Z]{6,12}/[0-9A-Za-z]{16}`, run: alnum, left: alnum},
	{scanner: Secret, name: "stripe_key", expr: `(?:sk|rk)_(?:live|test)_[0-9A-Za-z]{16}`, run: alnum, left: alnum},
	{scanner: Secret, name: "telegram_token", expr: `[0-9]{8,10}:AA[0-9A-Za-z_-]{33}`, left: alnum, right: urlish},
	{scanner: Secret, name: "twilio_key", expr: `SK[0-9a-f]{32}`, left: alnum, right: alnum},
	{scanner: Secret, name: "url_password", expr: `://[^\s:/?#@"'<>\\]{0,128}:([^\s/?#@"'<>\\]{1,128})@`, hide: 1, check: value},
	{scanner: Secret, name: "vault_token", expr: `hv[bsr]\.[0-9A-Za-z_-]{24}`, run: urlish, left: alnum},
}

// assigned is how a value follows its name in settings, commands and logs.
// What begins like a variable is none.
const assigned = `["']?[ \t]{0,4}(?:=>|:=|=|:)[ \t]{0,4}["']?([^\s"'` + "`" + `,;&<>()\[\]{}|\\$%][^\s"'` + "`" + `,;&<>()\[\]{}|\\]{3})`

// valueBytes are those of a value that is not put in quotes: all but those at which it ends.
var valueBytes = func() (c class) {
	for b := range 256 {
		c.add(byte(b))
	}
	ends := bytesOf("\x00- \"'`,;&<>()[]{}|\\")
	for i := range c {
		c[i] &^= ends[i]
	}
	return c
}()
