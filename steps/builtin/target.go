package builtin

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// target reads the address of a call and refuses what could mean another place than it seems to. What it lets through is
// still decided by the guard, on the address that is dialled.
func target(text string) (*url.URL, error) {
	if len(text) > maxURL {
		return nil, fmt.Errorf("the url has %d bytes, at most %d are allowed", len(text), maxURL)
	}
	for _, c := range []byte(text) {
		if c <= ' ' || c == 0x7f || c == '\\' {
			return nil, &deniedError{"this url", "it holds white space, a control character or a backslash; write them as %20 and the like"}
		}
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil, &deniedError{"this url", "it cannot be read: write it as https://host/path"}
	}
	return u, checkTarget(u)
}

// checkTarget checks a parsed address; each hop of a redirect is checked again.
func checkTarget(u *url.URL) error {
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return &deniedError{"this url", "its scheme is neither http nor https"}
	case u.Opaque != "" || u.Hostname() == "":
		return &deniedError{"this url", "it names no host: write it as https://host/path"}
	case u.User != nil:
		return &deniedError{u.Hostname(), "the url holds a user or a password: send them in the header Authorization"}
	case strings.ContainsAny(u.Hostname(), " \t\r\n"):
		return &deniedError{"this url", "its host holds white space"}
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return &deniedError{u.Hostname(), "its port is not 1 to 65535"}
		}
	}
	return nil
}

// origin is what a redirect may not leave without leaving the step's headers and body behind.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		if port = "80"; u.Scheme == "https" {
			port = "443"
		}
	}
	return u.Scheme + "://" + canonicalHost(u.Hostname()) + ":" + port
}
