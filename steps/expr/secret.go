package expr

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"cordum.dev/cordum/internal/yamlx"
)

// SecretKey is the only field of an object that stands for a secret in rendered JSON. Its value is the secret's name,
// {"$secret": "TOKEN"}, or, where a secret stands within a text, the pieces of that text in order,
// {"$secret": ["Bearer ", {"$secret": "TOKEN"}]}.
const SecretKey = "$secret"

var (
	secretName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)
	// secretAlone is what stands in a ${…} that refers to a secret.
	secretAlone = regexp.MustCompile(`^\s*secrets\s*(?:\.\s*([A-Za-z_][A-Za-z0-9_]*)|\[\s*(?:'([A-Za-z0-9_-]*)'|"([A-Za-z0-9_-]*)")\s*\])\s*$`)
)

// ValidSecretName says whether s may name a secret: up to MaxSecretName letters, digits, underscores and hyphens,
// beginning with a letter or an underscore. It is safe as the name of a file and of an environment variable's end.
func ValidSecretName(s string) bool { return len(s) <= MaxSecretName && secretName.MatchString(s) }

// secretRef answers the name of the secret that an expression refers to, "" when it is another expression.
func secretRef(src string) string {
	m := secretAlone.FindStringSubmatch(src)
	if m == nil {
		return ""
	}
	if name := m[1] + m[2] + m[3]; ValidSecretName(name) {
		return name
	}
	return ""
}

func secretObject(v any) map[string]any { return map[string]any{SecretKey: v} }

var (
	errForged = errorf(CodeSecret, "the value has the field %s, which only a ${secrets.…} of the workflow may make", SecretKey)
	errMade   = errorf(CodeSecret, "the field %s is made by ${secrets.NAME} only", SecretKey)
	errBadRef = errorf(CodeSecret, "a reference to a secret is {%q: name} or {%q: [texts and references]}", SecretKey, SecretKey)
)

// forged says whether a value has something that would be taken for a reference to a secret. What a run was given or what
// a worker answered must never be one.
func forged(v any) bool {
	switch v := v.(type) {
	case []any:
		return slices.ContainsFunc(v, forged)
	case map[string]any:
		for k, item := range v {
			if k == SecretKey || forged(item) {
				return true
			}
		}
	}
	return false
}

// SecretRefs are the names of the secrets that rendered JSON refers to, sorted, each once. What is no JSON, or refers
// wrongly, has none.
func SecretRefs(data json.RawMessage) []string {
	var names []string
	_, err := ResolveSecrets(data, func(name string) (string, bool) {
		names = append(names, name)
		return "", true
	})
	if err != nil {
		return nil
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// ResolveSecrets puts the values of secrets in the place of references, for whoever is about to execute with them: the
// answer is never to be stored, sent on or shown. Lookup answers a secret's value, or false. The error is an *Error that
// names a secret that is missing (CodeSecretMissing), or says that a reference is malformed (CodeSecret); the answer is
// nil then. Data without references is answered as it is.
func ResolveSecrets(data json.RawMessage, lookup func(name string) (string, bool)) (json.RawMessage, error) {
	if !strings.Contains(string(data), SecretKey) {
		return data, nil
	}
	v, err := DecodeJSON(data)
	if err != nil {
		return nil, errorf(CodeRuntime, "the input is no JSON")
	}
	if v, err = resolve(v, lookup); err != nil {
		return nil, err
	}
	out, err := yamlx.AppendCanonical(nil, v)
	if err != nil {
		return nil, errorf(CodeRuntime, "a secret is no text in UTF-8")
	}
	return out, nil
}

func resolve(v any, lookup func(string) (string, bool)) (any, error) {
	switch v := v.(type) {
	case []any:
		for i := range v {
			var err error
			if v[i], err = resolve(v[i], lookup); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		if ref, ok := v[SecretKey]; ok {
			if len(v) != 1 {
				return nil, errBadRef
			}
			return resolveRef(ref, lookup)
		}
		for _, k := range yamlx.SortedKeys(v) {
			var err error
			if v[k], err = resolve(v[k], lookup); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

// resolveRef is the text that a reference stands for.
func resolveRef(ref any, lookup func(string) (string, bool)) (string, error) {
	switch ref := ref.(type) {
	case string:
		return secretValue(ref, lookup)
	case []any:
		var out strings.Builder
		for _, piece := range ref {
			text, isText := piece.(string)
			if !isText {
				inner, ok := piece.(map[string]any)
				name, isName := inner[SecretKey].(string)
				if !ok || !isName || len(inner) != 1 {
					return "", errBadRef
				}
				var err error
				if text, err = secretValue(name, lookup); err != nil {
					return "", err
				}
			}
			out.WriteString(text)
		}
		return out.String(), nil
	}
	return "", errBadRef
}

func secretValue(name string, lookup func(string) (string, bool)) (string, error) {
	if !ValidSecretName(name) {
		return "", errBadRef
	}
	value, ok := lookup(name)
	if !ok {
		return "", errorf(CodeSecretMissing, "there is no secret %s where this is executed", name)
	}
	return value, nil
}
