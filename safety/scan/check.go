package scan

import (
	"bytes"
	stdbase64 "encoding/base64"
	"encoding/json"
	"math"
	"strings"
)

// value refuses what only stands for a value, and words of a sentence: "password: required".
func value(text []byte, n int) int {
	v := text[:n]
	if placeholder(v) || (n < 24 && plainWord(v)) {
		return 0
	}
	return n
}

// placeholders are what people write where a value will stand.
var placeholders = []string{
	"null", "none", "nil", "true", "false", "undefined", "required", "optional", "string", "redacted", "changeme", "example", "your",
	"todo", "hidden", "masked", "removed", "secrets.",
}

// variableBegins are the bytes with which a variable, or our own marker, begins.
var variableBegins = []byte("$%<{[")

// placeholder tells whether a value stands for another one: a variable, a mask, a word that says that there is none.
func placeholder(v []byte) bool {
	if len(v) == 0 || bytes.IndexByte(variableBegins, v[0]) >= 0 {
		return true
	}
	same := true
	for _, b := range v {
		same = same && (b == v[0] || b == '*' || b == '.')
	}
	if same {
		return true
	}
	low := strings.ToLower(string(v[:min(len(v), 16)]))
	for _, p := range placeholders {
		if low == p || (p == "your" && strings.HasPrefix(low, "your")) || (p == "secrets." && strings.HasPrefix(low, p)) {
			return true
		}
	}
	return false
}

// plainWord tells whether a value looks like a word of a sentence: nothing but lower-case letters, perhaps a capital
// first and a stop behind.
func plainWord(v []byte) bool {
	v = bytes.TrimRight(v, ".:!?")
	for i, b := range v {
		if (b < 'a' || b > 'z') && (i > 0 || b < 'A' || b > 'Z') {
			return false
		}
	}
	return true
}

// random refuses text without a digit, and with little information: 3 bits a character is less than any token has.
func random(text []byte, n int) int {
	v := text[:n]
	if bytes.IndexFunc(v, func(r rune) bool { return r >= '0' && r <= '9' }) < 0 || entropy(v) < 3 {
		return 0
	}
	return n
}

// entropy is Shannon's, in bits a byte.
func entropy(v []byte) (bits float64) {
	var count [256]int
	for _, b := range v {
		count[b]++
	}
	for _, c := range count {
		if c > 0 {
			p := float64(c) / float64(len(v))
			bits -= p * math.Log2(p)
		}
	}
	return bits
}

// openAI tells such a key from words with dashes between them, and from a key of another maker.
func openAI(text []byte, n int) int {
	if bytes.HasPrefix(text, []byte("sk-ant-")) {
		return 0
	}
	return random(text, n)
}

// basicAuth wants what RFC 7617 says: base64 of name:password.
func basicAuth(text []byte, n int) int {
	plain, err := stdbase64.RawStdEncoding.DecodeString(strings.TrimRight(string(text[:n]), "="))
	if err != nil || bytes.IndexByte(plain, ':') < 0 || bytes.IndexFunc(plain, func(r rune) bool { return r < ' ' }) >= 0 {
		return 0
	}
	return n
}

// jwt wants a header that is a JSON object with an algorithm, and the parts behind it (RFC 7519, also encrypted ones).
func jwt(text []byte, n int) int {
	head, err := stdbase64.RawURLEncoding.DecodeString(string(text[:n]))
	var h struct {
		Alg string `json:"alg"`
	}
	if err != nil || json.Unmarshal(head, &h) != nil || h.Alg == "" {
		return 0
	}
	parts := 1
	for parts < 5 && n+1 < len(text) && text[n] == '.' && (urlish.has(text[n+1]) || text[n+1] == '.') {
		for n++; n < len(text) && urlish.has(text[n]); n++ {
		}
		parts++
	}
	if parts < 2 {
		return 0
	}
	return n
}

var pemEnd = []byte("-----END ")

// privateKey goes on to the line that ends the key; where there is none, as far as what could be the key goes.
func privateKey(text []byte, n int) int {
	body := text[n:]
	if i := bytes.Index(body, pemEnd); i >= 0 {
		end := n + i + len(pemEnd)
		if k := bytes.Index(text[end:min(len(text), end+maxSegment)], []byte("-----")); k >= 0 {
			return end + k + len("-----")
		}
		return end
	}
	for n < len(text) && keyBytes.has(text[n]) {
		n++
	}
	return n
}

// keyBytes are those of a key's lines and headers, also where its line ends are written as \n.
var keyBytes = bytesOf("0-9A-Za-z+/=,: \t\r\n\\-")

// card accepts the longest number in text that a card of a known brand can have, with a right check digit (ISO/IEC 7812).
func card(text []byte, n int) int {
	number := make([]byte, 0, 19)
	best := 0
	for i := range n {
		if !digits.has(text[i]) {
			continue
		}
		number = append(number, text[i])
		if last := i+1 == len(text) || !digits.has(text[i+1]); last && cardBrand(number) && luhn(number) {
			best = i + 1
		}
	}
	return best
}

// cardBrand tells whether a number of this length begins like those of a brand.
func cardBrand(d []byte) bool {
	if len(d) < 13 || len(d) > 19 {
		return false
	}
	four := int(d[0]-'0')*1000 + int(d[1]-'0')*100 + int(d[2]-'0')*10 + int(d[3]-'0')
	two, three := four/100, four/10
	switch {
	case d[0] == '4':
		return len(d) == 13 || len(d) == 16 || len(d) == 19
	case two >= 51 && two <= 55, four >= 2221 && four <= 2720:
		return len(d) == 16
	case two == 34, two == 37:
		return len(d) == 15
	case two == 36, two == 38, two == 39, three >= 300 && three <= 305:
		return len(d) >= 14
	case four == 6011, three >= 644 && three <= 649, two == 65, two == 62, four >= 3528 && four <= 3589:
		return len(d) >= 16
	}
	return false
}

// luhn is the check digit of cards.
func luhn(number []byte) bool {
	sum := 0
	for i := range number {
		d := int(number[len(number)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// iban wants the country's length and the remainder of ISO 7064, MOD 97-10.
func iban(text []byte, n int) int {
	want := ibanLengths[string(text[:2])]
	compact := make([]byte, 0, 34)
	for i := range n {
		if text[i] == ' ' {
			continue
		}
		if compact = append(compact, text[i]); len(compact) == want {
			if mod97(compact) {
				return i + 1
			}
			return 0
		}
	}
	return 0
}

func mod97(account []byte) bool {
	rest := 0
	for i := range account {
		c := account[(i+4)%len(account)]
		if digits.has(c) {
			rest = (rest*10 + int(c-'0')) % 97
		} else {
			rest = (rest*100 + int(c-'A') + 10) % 97
		}
	}
	return rest == 1
}

// ssn refuses the numbers that were never given out.
func ssn(text []byte, n int) int {
	area := string(text[:3])
	if area == "000" || area == "666" || area[0] == '9' || string(text[4:6]) == "00" || string(text[7:11]) == "0000" {
		return 0
	}
	return n
}
