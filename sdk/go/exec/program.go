package exec

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// program is a file that is run.
type program struct {
	path   string // absolute, links followed
	digest string // it must have; empty: any

	mu      sync.Mutex
	checked fs.FileInfo // when its digest was right last
}

// findProgram finds a command and checks it.
func findProgram(command, digest string) (*program, error) {
	path := command
	if !filepath.IsAbs(path) {
		if strings.ContainsRune(path, filepath.Separator) {
			return nil, fmt.Errorf("command %q is a relative path: write it whole, or only its name", command)
		}
		found, err := osexec.LookPath(path)
		if err != nil {
			return nil, fmt.Errorf("command %q is not in PATH", command)
		}
		if path, err = filepath.Abs(found); err != nil {
			return nil, fmt.Errorf("command %q: %w", command, err)
		}
	}
	// The name stays: some programs are several, by what they are called.
	if _, err := filepath.EvalSymlinks(path); err != nil {
		return nil, fmt.Errorf("command %q: %w", command, err)
	}
	p := &program{path: path, digest: strings.ToLower(digest)}
	return p, p.check()
}

// check looks whether the program is still one that may be run.
func (p *program) check() error {
	real, err := filepath.EvalSymlinks(p.path)
	if err != nil {
		return fmt.Errorf("command %s: %w", p.path, err)
	}
	info, err := os.Stat(real)
	switch {
	case err != nil:
		return fmt.Errorf("command %s: %w", p.path, err)
	case !info.Mode().IsRegular() || info.Mode()&0o111 == 0:
		return fmt.Errorf("command %s is no file that can be run", p.path)
	case info.Mode()&0o002 != 0:
		return fmt.Errorf("command %s can be changed by everybody: chmod o-w %s", p.path, real)
	}
	for _, dir := range []string{filepath.Dir(real), filepath.Dir(p.path)} {
		if at, err := os.Stat(dir); err != nil || at.Mode()&0o002 != 0 {
			return fmt.Errorf("command %s is in a folder that everybody can change, %s", p.path, dir)
		}
	}
	return p.checkDigest(real, info)
}

// checkDigest reads the file again when it is not the one that was read last.
func (p *program) checkDigest(real string, info fs.FileInfo) error {
	if p.digest == "" {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := p.checked; c != nil && os.SameFile(c, info) && c.ModTime().Equal(info.ModTime()) && c.Size() == info.Size() {
		return nil
	}
	f, err := os.Open(real)
	if err != nil {
		return fmt.Errorf("command %s: %w", p.path, err)
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return fmt.Errorf("command %s: %w", p.path, err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != p.digest {
		return fmt.Errorf("command %s has the digest %s, not %s", p.path, got, p.digest)
	}
	p.checked = info
	return nil
}

// isNew tells whether nothing is at a path, not even a link that leads nowhere.
func isNew(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}
