package expr

// Limits of expressions and templates (the language's page, "Expressions"). Those of the source are checked before
// any parser sees it: the parser recurses, and a stack that overflows ends the process.
const (
	MaxSource  = 4 << 10 // bytes of one expression
	MaxNesting = 100     // brackets within brackets, and unary operators in a row
	MaxNodes   = 2_000   // nodes of the syntax tree

	// MaxCost bounds the work of one evaluation: a round of a predicate costs 1, so does touching bytesPerCost bytes of
	// text or one value of a list or map. It takes some 20 ms to use up.
	MaxCost = 100_000
	// MaxMemory bounds the bytes of text that one evaluation makes on the way to its result; MaxElements the list and
	// map entries.
	MaxMemory   = 8 << 20
	MaxElements = 100_000

	MaxPattern = 1 << 10  // bytes of a regular expression
	MaxSubject = 64 << 10 // bytes of what it is matched against

	MaxResult       = 256 << 10 // bytes of one result, as JSON
	MaxResultList   = 10_000    // entries of a list in it
	MaxResultString = 64 << 10  // bytes of a string in it
	MaxResultDepth  = 64        // lists and maps within each other; also of JSON that is decoded
	MaxRendered     = 1 << 20   // bytes that all expressions of one template give together

	// A for_each may give and work through more: EvalList.
	MaxItems      = 100_000  // entries of its list
	MaxItemsBytes = 16 << 20 // bytes of it, as JSON

	MaxSecretName = 63
)

// bounds are the limits of one evaluation.
type bounds struct {
	cost, memory, elements int // MaxCost, MaxMemory, MaxElements
	list, size             int // MaxResultList, MaxResult
}

var (
	ordinary = bounds{MaxCost, MaxMemory, MaxElements, MaxResultList, MaxResult}
	// fanOut has room for a few passes over the largest list, a fifth of a second.
	fanOut = bounds{cost: 10 * MaxItems, memory: 4 * MaxItemsBytes, elements: 10 * MaxItems, list: MaxItems, size: MaxItemsBytes}
)

const (
	bytesPerCost = 256
	// costPerEntry is what may be spent, beyond MaxCost, on each entry of a step's output that is a list: a fan-out's may have
	// as many as MaxElements, and one pass over them is always affordable.
	costPerEntry = 4
	// patternCost is what compiling a pattern costs that is known only at run time.
	patternCost = 10_000
)
