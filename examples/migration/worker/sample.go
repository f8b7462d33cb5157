package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	sampleOrders = 2000
	sampleFiles  = 10
)

// makeSample fills a folder that is not there yet. One that is there is left as it is.
func makeSample(data string) error {
	if _, err := os.Stat(data); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for i := range sampleFiles {
		path := filepath.Join(data, "files", fmt.Sprintf("invoice-%02d.txt", i+1))
		if err := replaceFile(path, func(w io.Writer) error { return sampleInvoice(w, i) }); err != nil {
			return err
		}
	}
	return replaceFile(filepath.Join(data, dataFile), sampleData)
}

func sampleData(w io.Writer) error {
	customers := []string{"Ada Byron", "Grace Murray", "Emmy Amalie", "Sofia Vasilyevna", "Katherine Coleman"}
	if _, err := io.WriteString(w, "version: 1\n"); err != nil {
		return err
	}
	for i := range sampleOrders {
		cents := i * 7919 % 100000
		if _, err := fmt.Fprintf(w, "%d|%s|%d.%02d\n", 1001+i, customers[i%len(customers)], cents/100, cents%100); err != nil {
			return err
		}
	}
	return nil
}

func sampleInvoice(w io.Writer, i int) error {
	for line := range 400 {
		if _, err := fmt.Fprintf(w, "invoice %02d, line %03d: %d pieces\n", i+1, line+1, (i+3)*(line+1)%97); err != nil {
			return err
		}
	}
	return nil
}
