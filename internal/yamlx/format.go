package yamlx

import "bytes"

// Format says how a document is written.
type Format uint8

// The formats. Auto takes a document for JSON when its first byte that is no white space is '{' or '['.
const (
	Auto Format = iota
	JSON
	YAML
)

// detect answers what Auto stands for.
func (f Format) detect(src []byte) Format {
	if f != Auto {
		return f
	}
	rest := bytes.TrimLeft(src, " \t\r\n")
	if len(rest) > 0 && (rest[0] == '{' || rest[0] == '[') {
		return JSON
	}
	return YAML
}
