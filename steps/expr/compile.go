package expr

import (
	"slices"
	"strings"
	"sync"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"

	"cordum.dev/cordum/internal/yamlx"
)

// Program is a compiled expression. It is immutable and may run in many goroutines at once.
type Program struct {
	code   *vm.Program
	steps  []string // ids it reads, sorted
	inputs []string // ids of which it reads the input
	gives  *Schema  // what is known of the result; nil: nothing
	length int      // of the list it gives; -1: not known before it runs
}

// Steps are the ids of the steps it reads, sorted, each once. The slice belongs to the program.
func (p *Program) Steps() []string { return p.steps }

// Compile checks an expression and makes a program of it. The error is an *Error. Programs are cached: compiling the
// same source again is cheap.
func Compile(src string, scope Scope) (*Program, error) {
	if err := guard(src); err != nil {
		return nil, err
	}
	p, err := cachedProgram(src, &scope)
	if err != nil {
		return nil, err
	}
	if err := checkSteps(p, &scope); err != nil {
		return nil, err
	}
	if p, err = typed(p, src, &scope); err != nil {
		return nil, err
	}
	return p, checkResult(p, &scope)
}

// checkResult says whether the result can be what its place takes.
func checkResult(p *Program, scope *Scope) error {
	switch {
	case scope.Bool && p.gives.kinds()&isBool == 0:
		return errorf(CodeType, "the expression must give true or false, not %s", p.gives.words())
	case scope.List && p.gives.kinds()&isList == 0:
		return errorf(CodeType, "the expression must give a list, not %s", p.gives.words())
	case scope.List && p.length > MaxItems:
		return errFanOut
	}
	return nil
}

func checkSteps(p *Program, scope *Scope) error {
	for _, id := range p.inputs {
		if id != scope.Own || id == "" {
			return errorf(CodeUnknownName, "only a compensation sees the input of a step, and only of the step that it undoes")
		}
	}
	for _, id := range p.steps {
		switch {
		case scope.Steps != nil && !scope.Steps[id]:
			return unknownStep(id, scope.Steps)
		case scope.readable(id):
		case scope.IsDownstream != nil && scope.IsDownstream(id):
			return errorf(CodeCompensation, "the step %s comes after the one that is undone: it is undone before, and may never have run", id)
		default:
			return errorf(CodeNotUpstream, "the step %s need not have ended here: name it in depends_on, or a step behind it", id)
		}
	}
	return nil
}

// maxHintSteps is how many steps a workflow may have for the one that was meant to be looked for: comparing the name
// with each takes longer than everything else that is done with an expression.
const maxHintSteps = 1000

func unknownStep(id string, steps map[string]bool) error {
	err := errorf(CodeUnknownStep, "there is no step %q", yamlx.Clip(id))
	if len(steps) > maxHintSteps {
		return err
	}
	if err.Hint = yamlx.Nearest(id, yamlx.SortedKeys(steps)); err.Hint != "" {
		err.Message += didYouMean(err.Hint)
	}
	return err
}

// compileFresh is the way from source to program.
func compileFresh(src string, scope *Scope) (*Program, error) {
	cfg := configs.Get().(*conf.Config)
	defer configs.Put(cfg)
	tree, err := parser.ParseWithConfig(src, cfg)
	if err != nil {
		return nil, compileError(CodeSyntax, err)
	}
	n, err := readNames(&tree.Node, src, scope)
	if err != nil {
		return nil, err
	}
	if err := checkPatterns(tree.Node); err != nil {
		return nil, err
	}
	base := typing{}
	gives, length := base.of(tree.Node), lengthOf(tree.Node)
	rewrite(tree, n)
	if _, err := checker.Check(tree, cfg); err != nil {
		return nil, compileError(CodeType, err)
	}
	if base.err != nil { // the library says the same better, where it says it
		return nil, base.err
	}
	ast.Walk(&tree.Node, metering{})
	code, err := compiler.Compile(tree, cfg)
	if err != nil {
		return nil, compileError(CodeType, err)
	}
	return &Program{code: code, steps: stepIDs(n.steps), inputs: n.inputs, gives: gives, length: length}, nil
}

func stepIDs(reads []stepRead) []string {
	ids := make([]string, 0, len(reads))
	for _, r := range reads {
		ids = append(ids, r.id)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// configs keeps configurations, which take longer to make than most expressions to compile. One serves one compilation at
// a time: the library remembers types in it.
var configs = sync.Pool{New: func() any { return newConfig() }}

// newConfig is what the library may use: our names, our functions, of its own only the allowed ones, and no optimizer,
// which computes constants before anybody counts.
func newConfig() *conf.Config {
	cfg := conf.CreateNew()
	cfg.WithEnv(&values{})
	cfg.MaxNodes = MaxNodes
	cfg.Optimize = false
	for _, b := range builtin.Builtins {
		if !allowed[b.Name] {
			delete(cfg.Builtins, b.Name)
			cfg.Disabled[b.Name] = true
		}
	}
	cfg.Functions = functions
	return cfg
}

// rewrite changes what the library would do itself: a whole step becomes an object, and sum becomes a reduction whose
// additions can be counted.
func rewrite(tree *parser.Tree, n *names) {
	for _, r := range n.steps {
		if node := *r.slot; !n.inner[node] {
			replace(r.slot, call(fnStep, node.Location(), node))
		}
	}
	for _, slot := range n.own {
		id := (*slot).(*ast.IdentifierNode)
		names := located(&ast.IdentifierNode{Value: namesName}, id.Location())
		replace(slot, located(&ast.MemberNode{Node: names, Property: located(&ast.StringNode{Value: id.Value}, id.Location())}, id.Location()))
	}
	ast.Walk(&tree.Node, sums{})
}

// sums turns sum(list, f) into reduce(list, #acc + f, 0), and count(list) into count(list, #).
type sums struct{}

// Visit implements ast.Visitor.
func (sums) Visit(slot *ast.Node) {
	node, ok := (*slot).(*ast.BuiltinNode)
	if !ok || (node.Name != "sum" && node.Name != "count") {
		return
	}
	if len(node.Arguments) == 1 {
		node.Arguments = append(node.Arguments, located(&ast.PredicateNode{Node: located(&ast.PointerNode{}, node.Location())}, node.Location()))
	}
	if node.Name == "count" {
		return
	}
	loc := node.Location()
	predicate := node.Arguments[1].(*ast.PredicateNode)
	predicate.Node = located(&ast.BinaryNode{Operator: "+", Left: located(&ast.PointerNode{Name: "acc"}, loc), Right: predicate.Node}, loc)
	replace(slot, located(&ast.BuiltinNode{
		Name:      "reduce",
		Arguments: []ast.Node{node.Arguments[0], predicate, located(&ast.IntegerNode{}, loc)},
	}, loc))
}

func located[N ast.Node](n N, loc file.Location) N {
	n.SetLocation(loc)
	return n
}

// replace puts another node in a node's place.
func replace(slot *ast.Node, n ast.Node) { *slot = n }

// cacheSize bounds the programs that are kept; at some 5 KB each that is 20 MB.
const cacheSize = 4096

// cacheKey is what a program depends on; its steps are checked each time.
type cacheKey struct {
	src                          string
	names, hidden                string // the scope's own, and those it hides
	item, payload, loop, secrets bool
}

// cache keeps two generations: when the young one is full it becomes the old one, and the old one is forgotten.
var cache struct {
	sync.Mutex
	young, old map[cacheKey]*Program
}

func cachedProgram(src string, scope *Scope) (*Program, error) {
	key := cacheKey{src: src, item: scope.Item, payload: scope.Payload, loop: scope.Loop, secrets: scope.Secrets}
	if scope.Hidden != nil {
		key.hidden = strings.Join(scope.Hidden, " ")
	}
	if scope.Names != nil {
		key.names = " " + strings.Join(yamlx.SortedKeys(scope.Names), " ")
	}
	if p := cacheGet(key); p != nil {
		return p, nil
	}
	p, err := compileFresh(src, scope)
	if err != nil {
		return nil, err
	}
	cachePut(key, p)
	return p, nil
}

func cacheGet(key cacheKey) *Program {
	cache.Lock()
	defer cache.Unlock()
	p := cache.young[key]
	if p == nil {
		if p = cache.old[key]; p != nil {
			cacheAdd(key, p)
		}
	}
	return p
}

func cachePut(key cacheKey, p *Program) {
	cache.Lock()
	defer cache.Unlock()
	cacheAdd(key, p)
}

func cacheAdd(key cacheKey, p *Program) {
	if cache.young == nil || len(cache.young) >= cacheSize/2 {
		cache.young, cache.old = make(map[cacheKey]*Program), cache.young
	}
	cache.young[key] = p
}
