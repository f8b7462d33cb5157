package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/gateway"
)

// version is set by release builds: -ldflags "-X main.version=v1.2.3". Read it with versionName.
var version string

// versionName is what this binary is: the release, or the revision that it was built from.
func versionName() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "devel"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" && len(setting.Value) >= 12 {
			return "devel-" + setting.Value[:12]
		}
	}
	return "devel"
}

func newVersion(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Long:    "Prints what this binary is and what built it.",
		Example: "  cordum version\n  cordum version -o json",
		Args:    wantArgs(),
		RunE: func(*cobra.Command, []string) error {
			v := struct {
				Version  string `json:"version"`
				Go       string `json:"go"`
				Platform string `json:"platform"`
			}{versionName(), runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
			p := a.printer()
			switch a.flags.output {
			case "table":
				return p.line(fmt.Sprintf("cordum %s (%s, %s)", v.Version, v.Go, v.Platform))
			case "name":
				return p.line(v.Version)
			}
			return a.encode(p, v)
		},
	}
}

func newOpenAPI(a *app) *cobra.Command {
	var downgrade bool
	cmd := &cobra.Command{
		Use:     "openapi",
		Short:   "Print the API's description",
		Long:    "Prints the OpenAPI description of the HTTP API, as YAML. Needs no server.",
		Example: "  cordum openapi > openapi.yaml\n  cordum openapi --v3.0",
		Args:    wantArgs(),
		RunE: func(*cobra.Command, []string) error {
			v31, v30, err := gateway.Describe("v1")
			if err != nil {
				return err
			}
			chosen := v31
			if downgrade {
				chosen = v30
			}
			p := a.printer()
			p.write(string(chosen))
			return p.err
		},
	}
	cmd.Flags().BoolVar(&downgrade, "v3.0", false, "OpenAPI 3.0.3 instead of 3.1")
	return cmd
}
