// Package catalog writes and validates the file-based catalog of the operator: its package, its channels with the upgrade graph, and
// its bundles.
package catalog

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"sigs.k8s.io/yaml"
)

// Schemas of the objects in a catalog.
const (
	schemaPackage = "olm.package"
	schemaChannel = "olm.channel"
	schemaBundle  = "olm.bundle"
)

// Object is one object of a catalog.
type Object struct {
	Schema         string         `json:"schema"`
	Name           string         `json:"name"`
	Package        string         `json:"package,omitempty"`
	DefaultChannel string         `json:"defaultChannel,omitempty"`
	Description    string         `json:"description,omitempty"`
	Icon           *Icon          `json:"icon,omitempty"`
	Entries        []Entry        `json:"entries,omitempty"`
	Image          string         `json:"image,omitempty"`
	Properties     []Property     `json:"properties,omitempty"`
	RelatedImages  []RelatedImage `json:"relatedImages,omitempty"`
}

// Icon is the picture that the console shows.
type Icon struct {
	Data      string `json:"base64data"`
	MediaType string `json:"mediatype"`
}

// Entry is a bundle in a channel, and which one it replaces.
type Entry struct {
	Name     string   `json:"name"`
	Replaces string   `json:"replaces,omitempty"`
	Skips    []string `json:"skips,omitempty"`
}

// Property is a fact about a bundle for the resolver and the console.
type Property struct {
	Type  string `json:"type"`
	Value any    `json:"value"`
}

// RelatedImage is an image that a mirror must copy.
type RelatedImage struct {
	Name  string `json:"name"`
	Image string `json:"image"`
}

// Catalog is a whole catalog.
type Catalog []Object

// Read reads an existing catalog.
func Read(file string) (Catalog, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var c Catalog
	for part := range bytes.SplitSeq(raw, []byte("\n---\n")) {
		var o Object
		if err := yaml.UnmarshalStrict(part, &o); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if o.Schema != "" {
			c = append(c, o)
		}
	}
	return c, c.Judge()
}

// Write writes it as YAML.
func (c Catalog) Write(w io.Writer) error {
	for _, o := range c {
		raw, err := yaml.Marshal(o)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "---\n%s", raw); err != nil {
			return err
		}
	}
	return nil
}

// New is a catalog without a version.
func New(name, defaultChannel, description string, icon []byte) Catalog {
	return Catalog{{
		Schema: schemaPackage, Name: name, DefaultChannel: defaultChannel, Description: description,
		Icon: &Icon{Data: base64.StdEncoding.EncodeToString(icon), MediaType: "image/svg+xml"},
	}}
}

// Add puts a bundle at the head of the channels.
func (c Catalog) Add(bundle Object, channels []string) (Catalog, error) {
	c = slices.Clone(c)
	if slices.ContainsFunc(c, func(o Object) bool { return o.Schema == schemaBundle && o.Name == bundle.Name }) {
		return nil, fmt.Errorf("the catalog already has %s, and a released bundle does not change", bundle.Name)
	}
	for _, channel := range channels {
		at := slices.IndexFunc(c, func(o Object) bool { return o.Schema == schemaChannel && o.Name == channel })
		if at < 0 {
			c, at = append(c, Object{Schema: schemaChannel, Name: channel, Package: bundle.Package}), len(c)
		}
		entry := Entry{Name: bundle.Name}
		if len(c[at].Entries) > 0 {
			head, err := head(c[at].Entries)
			if err != nil {
				return nil, fmt.Errorf("the channel %s: %w", channel, err)
			}
			entry.Replaces = head
		}
		c[at].Entries = append(slices.Clone(c[at].Entries), entry)
	}
	c = append(c, bundle)
	slices.SortStableFunc(c, func(a, b Object) int { return order(a) - order(b) })
	return c, c.Judge()
}

func order(o Object) int {
	return slices.Index([]string{schemaPackage, schemaChannel, schemaBundle}, o.Schema)
}

// head is the only entry that no other replaces or skips.
func head(entries []Entry) (string, error) {
	var heads []string
	for _, e := range entries {
		if !slices.ContainsFunc(entries, func(o Entry) bool { return o.Replaces == e.Name || slices.Contains(o.Skips, e.Name) }) {
			heads = append(heads, e.Name)
		}
	}
	if len(heads) != 1 {
		return "", fmt.Errorf("%d entries are not replaced by another, want one: %v", len(heads), heads)
	}
	return heads[0], nil
}

// errDangling is for bundles that cannot be installed.
var errDangling = errors.New("no channel contains it, so it cannot be installed")

// asJSON is a value in the form that JSON gives it.
func asJSON(v any) any {
	raw, err := json.Marshal(v)
	if err != nil {
		return v
	}
	var out any
	if json.Unmarshal(raw, &out) != nil {
		return v
	}
	return out
}
