package yamlx

// Limits of a document.
const (
	// MaxBytes bounds the source text.
	MaxBytes = 4 << 20
	// MaxDepth bounds how deep lists and maps may nest; a scalar at the top has depth 0.
	MaxDepth = 64
	// MaxValues bounds how many values, keys included in YAML, stand in a document; with MaxBytes it bounds the memory
	// that reading one takes.
	MaxValues = 500_000
	// maxSeparators bounds commas, opening brackets and line ends before a YAML document is read at all. Blank lines and
	// text have them too, hence the distance to MaxValues.
	maxSeparators = 2 * MaxValues
	// MaxAliasNodes bounds how many nodes all aliases of a document add together, as if each were written out.
	MaxAliasNodes = 200_000
	// MaxAliasBytes bounds, likewise, the text they add.
	MaxAliasBytes = MaxBytes
)
