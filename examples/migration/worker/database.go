package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"cordum.dev/cordum/sdk/go"
)

// The data file is text: a line that says its format, then an order a line, fields between bars.
//
//	version: 1                     version: 2
//	1001|Ada Byron|12.50           1001|Ada Byron|1250|EUR
//
// Format 2 counts in cents and names the currency.
const dataFile = "orders.db"

// chunks is how many steps of progress a job on the data file has.
const chunks = 8

type backupOutput struct {
	File   string `json:"file"`
	Bytes  int    `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// backup copies the data file, with its checksum in a file beside the copy.
func (t *tools) backup(ctx context.Context, job cordum.Job, _ struct{}) (backupOutput, error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	content, err := os.ReadFile(filepath.Join(t.data, dataFile))
	if err != nil {
		return backupOutput{}, cannotRead(err)
	}
	name := "orders-" + inName(job.Key) + ".db"
	path := filepath.Join(t.data, "backups", name)
	sum := sha256.Sum256(content)
	out := backupOutput{File: filepath.Join("backups", name), Bytes: len(content), SHA256: hex.EncodeToString(sum[:])}
	err = replaceFile(path, func(w io.Writer) error {
		return t.inChunks(ctx, job, "copied", len(content), func(from, to int) error {
			_, err := w.Write(content[from:to])
			return err
		})
	})
	if err == nil {
		err = replaceFile(path+".sha256", func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "%s  %s\n", out.SHA256, name)
			return err
		})
	}
	return out, err
}

type migrateInput struct {
	Version string `json:"version"`
}

type migrateOutput struct {
	From   int  `json:"from"`
	To     int  `json:"to"`
	Orders int  `json:"orders"`
	Done   bool `json:"already_done"` // the file was in that format
}

// migrate rewrites the data file from format 1 to format 2. What is in format 2 is left alone, so a second execution
// does nothing.
func (t *tools) migrate(ctx context.Context, job cordum.Job, in migrateInput) (migrateOutput, error) {
	if in.Version != "v2.0" && in.Version != "2" {
		return migrateOutput{}, cordum.Fatal("unknown_version", errors.New(`the only version to migrate to is "v2.0"`))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	path := filepath.Join(t.data, dataFile)
	content, err := os.ReadFile(path)
	if err != nil {
		return migrateOutput{}, cannotRead(err)
	}
	version, orders, err := parse(content)
	if err != nil {
		return migrateOutput{}, cordum.Fatal("bad_data_file", err)
	}
	out := migrateOutput{From: version, To: 2, Orders: len(orders), Done: version == 2}
	if out.Done {
		return out, nil
	}
	if t.fail == failing {
		return migrateOutput{}, t.breakHalfway(ctx, job, orders)
	}
	return out, replaceFile(path, func(w io.Writer) error {
		if _, err := io.WriteString(w, "version: 2\n"); err != nil {
			return err
		}
		return t.inChunks(ctx, job, "migrated", len(orders), func(from, to int) error {
			return writeNewOrders(w, orders[from:to])
		})
	})
}

// inChunks does the work on n things in a few portions, says how far it is, and stops when ctx ends.
func (t *tools) inChunks(ctx context.Context, job cordum.Job, did string, n int, work func(from, to int) error) error {
	for i := range chunks {
		if err := t.rest(ctx); err != nil {
			return err
		}
		from, to := n*i/chunks, n*(i+1)/chunks
		if err := work(from, to); err != nil {
			return err
		}
		if err := job.Progress((i+1)*100/chunks, fmt.Sprintf("%s %d of %d", did, to, n), nil); err != nil {
			return err
		}
	}
	return nil
}

// parse reads the format and the lines of orders.
func parse(content []byte) (version int, orders []string, err error) {
	head, rest, _ := bytes.Cut(content, []byte("\n"))
	number, ok := strings.CutPrefix(string(head), "version: ")
	if version, err = strconv.Atoi(number); !ok || err != nil || version < 1 || version > 2 {
		return 0, nil, fmt.Errorf("%s: line 1 must be \"version: 1\" or \"version: 2\"", dataFile)
	}
	for line := range strings.Lines(string(rest)) {
		orders = append(orders, strings.TrimSuffix(line, "\n"))
	}
	return version, orders, nil
}

// writeNewOrders writes orders of format 1 in format 2.
func writeNewOrders(w io.Writer, orders []string) error {
	for _, line := range orders {
		order, err := newOrder(line)
		if err != nil {
			return cordum.Fatal("bad_data_file", err)
		}
		if _, err := io.WriteString(w, order+"\n"); err != nil {
			return err
		}
	}
	return nil
}

func newOrder(line string) (string, error) {
	fields := strings.Split(line, "|")
	if len(fields) != 3 {
		return "", fmt.Errorf("%s: order %q has %d fields, want id, customer and amount", dataFile, line, len(fields))
	}
	whole, cents, ok := strings.Cut(fields[2], ".")
	amount, err := strconv.ParseUint(whole+cents, 10, 63)
	if !ok || len(cents) != 2 || err != nil {
		return "", fmt.Errorf("%s: order %q: the amount must be like 12.50", dataFile, line)
	}
	return fmt.Sprintf("%s|%s|%d|EUR", fields[0], fields[1], amount), nil
}

// cannotRead tells a file that is not there, which waiting does not mend, from one that cannot be read now.
func cannotRead(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return cordum.Fatal("no_data_file", err)
	}
	return cordum.Retryable("cannot_read", err)
}
