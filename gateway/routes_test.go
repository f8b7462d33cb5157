package gateway

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"cordum.dev/cordum/engine/runner"
)

// onlyReads are the requests that have a body, or may cost much, and change nothing.
var onlyReads = []string{"lintWorkflow", "dryRunDefinition", "dryRunWorkflow", "planRollback", "evaluatePolicy", "explainPolicy", "simulatePolicy"}

func TestEveryRouteSaysWhoMayCallIt(t *testing.T) {
	ids := map[string]bool{}
	patterns := map[string]bool{}
	for _, r := range Routes() {
		name := r.pattern()
		if patterns[name] || (r.ID != "" && ids[r.ID]) {
			t.Errorf("%s is in the table twice", name)
		}
		patterns[name], ids[r.ID] = true, true
		if r.Role == RoleDenied || r.Summary == "" || r.Tag == "" || r.bind == nil {
			t.Errorf("%s: role, summary, tag or handler is missing", name)
		}
		if (r.Role == RolePublic) != (r.Tenant == TenantNone) || r.Tenant == TenantUnsaid {
			t.Errorf("%s: role %s does not go with tenant scope %d", name, r.Role, r.Tenant)
		}
		if (r.Body > 0) != (len(r.Accepts) > 0) {
			t.Errorf("%s: a body needs a limit and its media types", name)
		}
		id := r.ID
		if id == "" { // the older spelling of another one
			for _, other := range Routes() {
				if other.Path == prefix+r.Path {
					id = other.ID
				}
			}
		}
		if (r.Method == http.MethodGet || slices.Contains(onlyReads, id)) != (r.Audit == "") {
			t.Errorf("%s has the audit verb %q: what changes something has one, what only reads has none", name, r.Audit)
		}
		if r.ID != "" && !regexp.MustCompile(`^[a-z][A-Za-z0-9]+$`).MatchString(r.ID) {
			t.Errorf("%s: operation id %q", name, r.ID)
		}
	}
}

// Every route × {no credentials, a wrong key, a revoked one, an expired one, another tenant} is refused, before anything
// else about the request matters.
func TestEveryRouteAsksForCredentials(t *testing.T) {
	a := newAPI(t, withKeys)
	admin := []string{"admin"}
	gone, before := time.Unix(1, 0), time.Unix(2, 0)
	revoked := a.key(storedKey{Tenant: "default", Roles: admin, RevokedAt: &gone})
	expired := a.key(storedKey{Tenant: "default", Roles: admin, ExpiresAt: &before})
	good := a.key(storedKey{Tenant: "default", Roles: admin})
	for _, r := range Routes() {
		if r.Role == RolePublic {
			continue
		}
		path := pathOf(&r)
		for _, key := range []string{"", strings.Repeat("0", 32), revoked, expired, good[:len(good)-1] + "x", good + "0", good[:21]} {
			headers := []string{"X-API-Key: " + key}
			if key == "" {
				headers = nil
			}
			a.call(r.Method, path, "", headers...).want(401, "unauthenticated")
		}
		a.call(r.Method, path, "", "X-API-Key: "+testKey, "X-Tenant-ID: acme").want(403, "tenant_mismatch")
		a.call(r.Method, path, "", "X-API-Key: "+good, "X-Tenant-ID: acme").want(403, "tenant_mismatch")
	}
	if len(a.engine.callers) != 0 {
		t.Errorf("the engine was called: %+v", a.engine.callers)
	}
}

// pathOf is a path of the route with names in it that nothing has.
func pathOf(r *Route) string {
	return placeholder.ReplaceAllString(r.Path, "x")
}

var placeholder = regexp.MustCompile(`\{[a-z_]+\}`)

// Every route × role is let in, or not, as docs/roles.md says. Whoever is let in gets any other answer.
func TestEveryRouteByRole(t *testing.T) {
	a := newAPI(t, withKeys)
	keys := map[Role]string{}
	for _, role := range heldRoles {
		keys[role] = a.key(storedKey{Tenant: "default", Roles: []string{role.String()}})
	}
	stranger := a.key(storedKey{Tenant: "default", Roles: []string{"sre"}})
	page := string(RolesPage())
	for _, r := range Routes() {
		if r.Role == RolePublic {
			continue
		}
		row := "| `" + r.pattern() + "` |"
		for _, role := range heldRoles {
			may := RolesOf(role).Allow(r.Role)
			row += map[bool]string{true: " ✓ |", false: " – |"}[may]
			w := a.call(r.Method, pathOf(&r), "", "X-API-Key: "+keys[role])
			if refused := w.Code == 403 || w.Code == 401; refused == may {
				t.Errorf("%s as %s: status %d", r.pattern(), role, w.Code)
			}
		}
		a.call(r.Method, pathOf(&r), "", "X-API-Key: "+stranger).want(403, "forbidden")
		if !strings.Contains(page, row) {
			t.Errorf("docs/roles.md does not say: %s", row)
		}
	}
}

// Every route about one thing answers who belongs to another tenant as if the thing were not there, and writes nothing.
func TestEveryRouteAboutAThingOfOthers(t *testing.T) {
	a := newAPI(t, withKeys)
	run := a.runAs(testKey)
	a.engine.approvals["default/ap"] = runner.ApprovalView{ID: "ap", State: "waiting"}
	a.engine.jobs["default/jo"] = runner.JobView{ID: "jo"}
	theirs := a.key(storedKey{Tenant: "default", Name: "theirs", Roles: []string{"viewer"}})
	id, _ := splitKey(theirs)
	other := "X-API-Key: " + a.key(storedKey{Tenant: "acme", Roles: []string{"admin"}})
	things := map[string]string{"runs": run, "workflow-runs": run, "workflows": "wf", "jobs": "jo", "approvals": "ap", "keys": id}
	before := len(a.engine.docs.acts)
	for _, r := range Routes() {
		family, _, found := strings.Cut(strings.TrimPrefix(r.Path, prefix+"/"), "/{id}")
		if !found || r.Role == RolePublic {
			continue
		}
		thing, known := things[family]
		if !known {
			continue // the tests of that family's own part have it
		}
		path := strings.NewReplacer("{id}", thing, "{step}", "a").Replace(r.Path)
		body := bodyOf[r.ID]
		if body == "" && r.Body > 0 {
			body = "{}"
		}
		query := ""
		if r.ID == "diffWorkflow" {
			query = "?from=" + strings.Repeat("0", 64) + "&to=" + strings.Repeat("1", 64)
		}
		mine, missing := a.call(r.Method, path+query, body, other), a.call(r.Method, pathOf(&r)+query, body, other)
		if mine.Code != 404 || mine.Body.String() != missing.Body.String() {
			t.Errorf("%s: status %d for another tenant's, %d for none: %s", r.pattern(), mine.Code, missing.Code, mine.Body)
		}
	}
	if len(a.engine.docs.acts) != before || a.engine.approvals["default/ap"].State != "waiting" {
		t.Error("something was written")
	}
}

// bodyOf are bodies with which a request gets as far as its thing; {} does it for the others.
var bodyOf = map[string]string{
	"decideApproval":       `{"decision":"approve"}`,
	"forkRun":              `{"from":"a"}`,
	"signalRun":            `{"name":"go"}`,
	"rollbackRun":          `{}`,
	"skipCompensation":     `{"reason":"x"}`,
	"markCompensationDone": `{"reason":"x"}`,
	"editApproval":         `{"input":{}}`,
	"delegateApproval":     `{"to":"user:bob","until":"2100-01-01T00:00:00Z"}`,
	"linkApproval":         `{"approver":"user:bob"}`,
}

// Every route × role answers as the table says.
func TestRoleMatrix(t *testing.T) {
	includes := map[Role][]Role{
		RoleViewer:   {RoleViewer},
		RoleOperator: {RoleViewer, RoleOperator},
		RoleApprover: {RoleViewer, RoleApprover},
		RoleAuthor:   {RoleViewer, RoleAuthor},
		RoleAdmin:    {RoleViewer, RoleOperator, RoleApprover, RoleAuthor, RoleAdmin},
		RoleDenied:   {},
	}
	for held, may := range includes {
		for _, r := range Routes() {
			want := r.Role == RolePublic
			for _, m := range may {
				want = want || m == r.Role
			}
			if got := RolesOf(held).Allow(r.Role); got != want {
				t.Errorf("%s with role %s: allowed is %v", r.pattern(), held, got)
			}
		}
	}
	for _, none := range []Role{RoleDenied, RoleAdmin + 1} {
		if RolesOf(RoleAdmin).Allow(none) {
			t.Errorf("an admin may call a route that asks for role %d", none)
		}
	}
}

func TestRouteOutsideTheTableIsRefused(t *testing.T) {
	a := newAPI(t, nil)
	a.call("GET", "/extra", "").want(404, "not_found")
	guardedMux{a.g}.HandleFunc("GET /extra", func(http.ResponseWriter, *http.Request) { t.Error("it was called") })
	a.call("GET", "/extra", "").want(403, "forbidden")
}

func TestStartingNeedsOperator(t *testing.T) {
	a := newAPI(t, nil)
	r := httptest.NewRequest("POST", "/", nil)
	ctx := withRequest(r.Context(), &request{principal: Principal{Tenant: "default", Actor: "user:a", Roles: RolesOf(RoleAuthor)}})
	in := &createWorkflowInput{DefinitionBody: DefinitionBody{ContentType: "application/json", RawBody: []byte(`{"steps":[{"id":"a","topic":"job.x"}]}`)}}
	if _, err := a.g.createWorkflow(ctx, in); err == nil || problemOf(err).Code != "forbidden" {
		t.Errorf("an author started a run: %v", err)
	}
	in.Run = "false"
	if _, err := a.g.createWorkflow(ctx, in); err != nil {
		t.Errorf("an author could not store: %v", err)
	}
}

func TestOpenAPIDescribesTheTable(t *testing.T) {
	a := newAPI(t, nil)
	doc := a.g.api.OpenAPI()
	described := 0
	for path, item := range doc.Paths {
		for method, op := range map[string]*huma.Operation{"GET": item.Get, "POST": item.Post, "PUT": item.Put, "DELETE": item.Delete} {
			if op == nil {
				continue
			}
			described++
			route := a.g.routes[method+" "+path]
			if route == nil || route.ID != op.OperationID {
				t.Fatalf("%s %s is not in the table", method, path)
			}
			if op.Summary == "" || len(op.Tags) == 0 || op.Security == nil || len(op.Responses) < 2 {
				t.Errorf("%s: summary, tags, security or responses are missing", op.OperationID)
			}
			for _, status := range route.errors() {
				if op.Responses[statusText(status)] == nil {
					t.Errorf("%s: response %d is not described", op.OperationID, status)
				}
			}
			if op.RequestBody != nil {
				for media, body := range op.RequestBody.Content {
					if body.Schema == nil {
						t.Errorf("%s: body %s has no schema", op.OperationID, media)
					}
				}
			}
		}
	}
	want := 0
	for _, r := range Routes() {
		if r.ID != "" {
			want++
		}
	}
	if described != want {
		t.Errorf("%d operations are described, %d are in the table", described, want)
	}
}

// Requests refuse fields they do not know; answers may get more.
func TestSchemasOfRequestsAreClosed(t *testing.T) {
	a := newAPI(t, nil)
	if _, _, err := a.g.OpenAPI(); err != nil {
		t.Fatal(err)
	}
	for name, schema := range a.g.api.OpenAPI().Components.Schemas.Map() {
		_, request := map[string]bool{
			"Cancel": true, "Comment": true, "JobSubmit": true, "Reason": true, "RunStart": true, "Signal": true, "Verdict": true,
			"RollbackRun": true, "ForkRun": true, "DryRun": true, "DryRunDefinition": true, "Batch": true, "BatchFilter": true,
			"HoldSet": true, "LockAcquire": true, "LockRenew": true, "LockRelease": true, "TopicCreate": true, "TopicPut": true, "SchemaCreate": true, "CredentialCreate": true,
			"DeadFilter": true, "DeadPurge": true, "DeadRedrive": true, "LegalHoldSet": true, "KeyCreate": true, "PolicyPublish": true, "PolicyRollback": true, "PolicyRequest": true, "PolicyMCP": true, "PolicySimulate": true,
			"SimulatedRequest": true, "SimulatedWorkflow": true, "PolicyReplay": true, "PolicyShadow": true, "EditApproval": true, "DelegateApproval": true, "LinkApproval": true,
		}[name]
		if closed := schema.AdditionalProperties == false; closed != request {
			t.Errorf("%s: closed is %v", name, closed)
		}
	}
}

func TestProblemsTable(t *testing.T) {
	for code, k := range problems {
		if k.status < 400 || k.title == "" || http.StatusText(k.status) == "" {
			t.Errorf("%s: %+v", code, k)
		}
	}
	for _, s := range sentinels {
		if _, ok := problems[s.code]; !ok {
			t.Errorf("%v has the code %s, which is not in the table", s.err, s.code)
		}
	}
}
