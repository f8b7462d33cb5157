package builtin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"unicode/utf8"

	"cordum.dev/cordum/sdk/go"
	"cordum.dev/cordum/steps/expr"
)

// Codes of jobs whose secrets cannot be had; neither is tried again.
const (
	CodeSecretMissing  = expr.CodeSecretMissing // nobody set it
	CodeSecretUnusable = "secret_unusable"      // it cannot be read, or is no text of at most MaxSecret bytes
)

// Secrets is where the built-in worker finds the values of secrets.NAME. They are read for each job anew: one that was
// changed is in force with the next job.
type Secrets struct {
	// Dir holds a folder for each tenant, with a file for each secret, named as it is. Line breaks at the end of a file
	// are not part of the value. A tenant's files stay within its folder: a link that leads out of it is refused.
	// Default: none.
	Dir string
	// Lookup is asked for what Dir does not have, for every tenant alike: for development only. Default: nobody.
	Lookup func(name string) (value string, ok bool)
}

var errNoSecret = errors.New("there is no such secret")

// tenantName is what a tenant's folder may be named: nothing that is a path, or hidden.
var tenantName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)

func (s Secrets) check() error {
	if s.Dir == "" {
		return nil
	}
	switch stat, err := os.Stat(s.Dir); {
	case err != nil:
		return fmt.Errorf("the folder of secrets: %w", err)
	case !stat.IsDir():
		return fmt.Errorf("the folder of secrets: %s is no folder", s.Dir)
	}
	return nil
}

// reveal puts the values of secrets in the place of references, for the tool that is about to run, and makes what hides
// them again. The error is coded and names the secret, never its value.
func (s Secrets) reveal(tenant string, input json.RawMessage) (json.RawMessage, *redactor, error) {
	hide := &redactor{}
	var unusable error
	revealed, err := expr.ResolveSecrets(input, func(name string) (string, bool) {
		value, err := s.read(tenant, name)
		switch {
		case errors.Is(err, errNoSecret):
			return "", false
		case err != nil:
			unusable = errors.Join(unusable, fmt.Errorf("the secret %s cannot be used: %w", name, err))
			return "", false
		}
		hide.add(name, value)
		return value, true
	})
	var coded *expr.Error
	switch {
	case unusable != nil:
		return nil, hide, cordum.Fatal(CodeSecretUnusable, unusable)
	case errors.As(err, &coded):
		return nil, hide, cordum.Fatal(coded.Code, errors.New(coded.Message))
	case err != nil:
		return nil, hide, cordum.Fatal(cordum.CodeInvalidInput, errors.New("the input cannot be read"))
	}
	return revealed, hide, nil
}

// read finds one value. errNoSecret says that nobody set it.
func (s Secrets) read(tenant, name string) (string, error) {
	if !expr.ValidSecretName(name) {
		return "", errNoSecret
	}
	value, err := s.readFile(tenant, name)
	if !errors.Is(err, errNoSecret) || s.Lookup == nil {
		return value, err
	}
	value, ok := s.Lookup(name)
	if !ok {
		return "", errNoSecret
	}
	return checkSecret([]byte(value))
}

func (s Secrets) readFile(tenant, name string) (string, error) {
	if s.Dir == "" || len(tenant) > maxTenantName || !tenantName.MatchString(tenant) {
		return "", errNoSecret
	}
	all, err := os.OpenRoot(s.Dir)
	if err != nil {
		return "", told(err)
	}
	defer all.Close()
	own, err := all.OpenRoot(tenant)
	if err != nil {
		return "", told(err)
	}
	defer own.Close()
	// Looked at before it is opened: opening a pipe would wait for somebody to write.
	switch stat, err := own.Stat(name); {
	case err != nil:
		return "", told(err)
	case !stat.Mode().IsRegular():
		return "", errors.New("it is no file")
	}
	file, err := own.Open(name)
	if err != nil {
		return "", told(err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, MaxSecret+3)) // a line break may follow, which does not count
	if err != nil {
		return "", told(err)
	}
	return checkSecret(data)
}

// told keeps the reason of an error of the file system and leaves out where: paths are the operator's.
func told(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return errNoSecret
	}
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return errors.New("it cannot be read")
}

func checkSecret(data []byte) (string, error) {
	value := strings.TrimRight(string(data), "\r\n")
	switch {
	case len(value) > MaxSecret:
		return "", fmt.Errorf("it has more than %d bytes", MaxSecret)
	case value == "":
		return "", errors.New("it is empty")
	case !utf8.ValidString(value):
		return "", errors.New("it is no text in UTF-8")
	}
	return value, nil
}
