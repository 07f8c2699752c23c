// Package attest describes the contents and the build of a release: software bills of materials, checksums, and a statement of provenance.
package attest

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"runtime/debug"
	"time"
)

// component is of CycloneDX 1.6.
type component struct {
	Type       string     `json:"type"`
	Ref        string     `json:"bom-ref"`
	Name       string     `json:"name"`
	Version    string     `json:"version,omitempty"`
	PURL       string     `json:"purl,omitempty"`
	Hashes     []hash     `json:"hashes,omitempty"`
	Properties []property `json:"properties,omitempty"`
}

type hash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type dependency struct {
	Ref       string   `json:"ref"`
	DependsOn []string `json:"dependsOn"`
}

type bom struct {
	Format       string       `json:"bomFormat"`
	SpecVersion  string       `json:"specVersion"`
	SerialNumber string       `json:"serialNumber"`
	Version      int          `json:"version"`
	Metadata     metadata     `json:"metadata"`
	Components   []component  `json:"components"`
	Dependencies []dependency `json:"dependencies"`
}

type metadata struct {
	Timestamp string    `json:"timestamp"`
	Component component `json:"component"`
}

// Image is an image by its repository and digest.
type Image struct {
	Name, Version, Digest string
}

func (i Image) component() component {
	return component{
		Type: "container", Ref: i.Name + "@" + i.Digest, Name: i.Name, Version: i.Version,
		PURL:   fmt.Sprintf("pkg:oci/%s@%s?repository_url=%s", filepath.Base(i.Name), i.Digest, i.Name),
		Hashes: []hash{{"SHA-256", trimSHA(i.Digest)}},
	}
}

// OfBinaries is the bill of an image with Go programs: the modules that the build information of each lists, once each.
func OfBinaries(image Image, binaries []string, created time.Time) ([]byte, error) {
	var components []component
	var mains []string
	var dependencies []dependency
	known := map[string]bool{}
	for _, binary := range binaries {
		info, err := buildinfo.ReadFile(binary)
		if err != nil {
			return nil, err
		}
		main, needs := component{Type: "application", Ref: info.Path, Name: info.Path, Version: image.Version, Properties: settings(info)}, linked(info)
		mains = append(mains, main.Ref)
		dependencies = append(dependencies, dependency{main.Ref, refs(needs)})
		for _, c := range append([]component{main}, needs...) {
			if !known[c.Ref] {
				known[c.Ref] = true
				components = append(components, c)
			}
		}
	}
	return write(image, created, components, append([]dependency{{image.component().Ref, mains}}, dependencies...))
}

// linked are the standard library and the modules of a program.
func linked(info *debug.BuildInfo) []component {
	stdlib := "pkg:golang/stdlib@" + info.GoVersion
	all := []component{{Type: "library", Ref: stdlib, Name: "stdlib", Version: info.GoVersion, PURL: stdlib}}
	for _, module := range info.Deps {
		all = append(all, moduleOf(module))
	}
	return all
}

func refs(components []component) []string {
	all := make([]string, 0, len(components))
	for _, c := range components {
		all = append(all, c.Ref)
	}
	return all
}

func settings(info *debug.BuildInfo) []property {
	var all []property
	for _, s := range info.Settings {
		all = append(all, property{"go:build:" + s.Key, s.Value})
	}
	return all
}

func moduleOf(m *debug.Module) component {
	if m.Replace != nil {
		m = m.Replace
	}
	purl := "pkg:golang/" + m.Path + "@" + m.Version
	c := component{Type: "library", Ref: purl, Name: m.Path, Version: m.Version, PURL: purl}
	if m.Sum != "" {
		c.Properties = []property{{"go:sum", m.Sum}}
	}
	return c
}

// OfFiles is the bill of an image without a program.
func OfFiles(image Image, folder string, created time.Time) ([]byte, error) {
	sums, err := Sums(folder)
	if err != nil {
		return nil, err
	}
	components, needs := make([]component, 0, len(sums)), make([]string, 0, len(sums))
	for _, s := range sums {
		components = append(components, component{Type: "file", Ref: "file:" + s.Name, Name: s.Name, Hashes: []hash{{"SHA-256", s.SHA256}}})
		needs = append(needs, "file:"+s.Name)
	}
	return write(image, created, components, []dependency{{image.component().Ref, needs}})
}

func write(image Image, created time.Time, components []component, dependencies []dependency) ([]byte, error) {
	return json.MarshalIndent(bom{
		Format: "CycloneDX", SpecVersion: "1.6", Version: 1, SerialNumber: "urn:uuid:" + uuidOf(image.Digest),
		Metadata:   metadata{created.UTC().Format(time.RFC3339), image.component()},
		Components: components, Dependencies: dependencies,
	}, "", "  ")
}

// uuidOf depends only on the image, so that a bill is reproducible.
func uuidOf(digest string) string {
	sum := sha256.Sum256([]byte(digest))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80 // version 8 of RFC 9562: custom
	h := hex.EncodeToString(sum[:16])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

func trimSHA(digest string) string {
	if len(digest) > 7 && digest[:7] == "sha256:" {
		return digest[7:]
	}
	return digest
}
