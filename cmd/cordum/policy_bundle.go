package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/gateway"
)

// bundleView is how a bundle looks.
var bundleView = view[gateway.BundleView]{
	name:   func(v gateway.BundleView) string { return v.Name },
	header: []string{"BUNDLE", "STATE", "SIDE", "SIGNED", "CHANGED", "BY"},
	row: func(_ *printer, v gateway.BundleView) []cell {
		side, signed := "base", ""
		if v.Overlay {
			side = "overlay"
		}
		if v.SignedBy != "" {
			signed = fmt.Sprintf("v%d by %s", v.Version, v.SignedBy)
		}
		return []cell{text(v.Name), state(v.State), text(side), text(signed), text(ago(v.At, time.Now())), text(v.By)}
	},
}

func newPolicyList(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the bundles of rules on the server",
		Long: "Lists the bundles that were put: a draft was never published, of a changed one another text is in force, a deleted one is in\n" +
			"force until the next publish of all. The server's own policy file is not among them: see policy active.",
		Example: "  cordum policy list\n  cordum policy list -o name",
		Args:    wantArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return list(cmd.Context(), a, "policy/bundles", nil, bundleView)
		},
	}
}

func newPolicyGet(a *app) *cobra.Command {
	shown := bundleView
	shown.detail = func(p *printer, v gateway.BundleView) { writeLines(p, v.Text) }
	return &cobra.Command{
		Use:     "get BUNDLE",
		Aliases: []string{"show"},
		Short:   "Print a bundle as it was written",
		Long:    "Prints the draft of a bundle as it was written, or what is in force of it when the draft was deleted. -o json has the rest.",
		Example: "  cordum policy get acme.base > policy.yaml",
		Args:    wantArgs("BUNDLE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return read(cmd.Context(), a, bundlePath(args[0]), nil, shown)
		},
	}
}

func newPolicyPut(a *app) *cobra.Command {
	var signature, signatureFile, etag string
	var overlay bool
	cmd := &cobra.Command{
		Use:   "put FILE",
		Short: "Write the draft of a bundle",
		Long: "Writes a bundle {name, rules}, YAML or JSON, as a draft under the name it has. It decides nothing before policy publish. A\n" +
			"signature is over exactly the bytes of the file: ECDSA P-256 over SHA-256, or Ed25519, as this makes it:\n\n" +
			"  openssl dgst -sha256 -sign key.pem policy.yaml > policy.yaml.sig",
		Example: "  cordum policy put policy.yaml\n  cordum policy put policy.yaml --signature-file policy.yaml.sig",
		Args:    wantArgs("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			raw, err := a.readFile(args[0])
			if err != nil {
				return err
			}
			if signature, err = a.signature(signature, signatureFile); err != nil {
				return err
			}
			body, err := bundleBody(raw, signature, overlay)
			if err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			if etag != "" {
				c.header.Set("If-Match", etag)
			}
			var d doc[gateway.BundleView]
			if err := c.do(cmd.Context(), request{method: http.MethodPost, path: "policy/bundles", body: body, contentType: "application/json"}, &d); err != nil {
				return err
			}
			for _, w := range d.V.Warnings {
				fmt.Fprintln(a.errOut, "warning: "+oneLine(renderItem(w)))
			}
			return showOne(a, bundleView, d)
		},
	}
	f := cmd.Flags()
	f.StringVar(&signature, "signature", "", "the signature, in base64 or hex")
	f.StringVar(&signatureFile, "signature-file", "", "a file with the signature, as bytes, base64 or hex")
	f.BoolVar(&overlay, "overlay", false, "the bundle can only tighten")
	f.StringVar(&etag, "if-match", "", "only while the draft has this ETag")
	return cmd
}

// bundleBody is a bundle with its signature beside it: the text in a string, so that every byte arrives as it was signed.
func bundleBody(text []byte, signature string, overlay bool) ([]byte, error) {
	body, err := json.Marshal(struct {
		Bundle    string `json:"bundle"`
		Signature string `json:"signature,omitempty"`
		Overlay   bool   `json:"overlay,omitempty"`
	}{string(text), signature, overlay})
	if err != nil {
		return nil, fmt.Errorf("encode the bundle: %w", err)
	}
	return body, nil
}

// signature is what two flags say together: text as it is, bytes as base64.
func (a *app) signature(text, file string) (string, error) {
	switch {
	case file == "":
		return text, nil
	case text != "":
		return "", usagef("give either --signature or --signature-file")
	}
	raw, err := a.readFile(file)
	if err != nil {
		return "", err
	}
	for _, c := range raw {
		if c >= 0x7f || (c < ' ' && c != '\n' && c != '\r' && c != '\t') {
			return base64.StdEncoding.EncodeToString(raw), nil
		}
	}
	return strings.TrimSpace(string(raw)), nil
}
