package catalog

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

const digest = "@sha256:1111111111111111111111111111111111111111111111111111111111111111"

func bundle(version string) Object {
	image := "quay.io/a/b" + digest
	return Object{Schema: schemaBundle, Name: "a.v" + version, Package: "a", Image: image, RelatedImages: []RelatedImage{{"", image}},
		Properties: []Property{{"olm.gvk", "k"}, {"olm.package", "p"}, {"olm.csv.metadata", "m"}}}
}

// three is a catalog with a stable version, a candidate after it, and the stable version after that.
func three(t *testing.T) Catalog {
	t.Helper()
	c := New("a", "stable", "d", []byte("<svg/>"))
	for _, add := range []struct {
		version  string
		channels []string
	}{{"0.1.0", []string{"candidate", "stable"}}, {"0.2.0-rc.1", []string{"candidate"}}, {"0.2.0", []string{"candidate", "stable"}}} {
		var err error
		if c, err = c.Add(bundle(add.version), add.channels); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func TestAdd_LeadsFromEachVersionToTheNext(t *testing.T) {
	want := map[string][]Entry{
		"candidate": {{Name: "a.v0.1.0"}, {Name: "a.v0.2.0-rc.1", Replaces: "a.v0.1.0"}, {Name: "a.v0.2.0", Replaces: "a.v0.2.0-rc.1"}},
		"stable":    {{Name: "a.v0.1.0"}, {Name: "a.v0.2.0", Replaces: "a.v0.1.0"}},
	}
	for _, o := range three(t) {
		if o.Schema == schemaChannel && !reflect.DeepEqual(o.Entries, want[o.Name]) {
			t.Errorf("%s: %+v", o.Name, o.Entries)
		}
	}
}

func TestAdd_DoesNotChangeWhatIsReleased(t *testing.T) {
	if _, err := three(t).Add(bundle("0.1.0"), []string{"candidate"}); err == nil || !strings.Contains(err.Error(), "does not change") {
		t.Error(err)
	}
}

func TestCatalog_IsReadAsItWasWritten(t *testing.T) {
	var out bytes.Buffer
	c := three(t)
	if err := c.Write(&out); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "catalog.yaml")
	if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if again, err := Read(file); err != nil || !reflect.DeepEqual(again, c) {
		t.Errorf("%v\n%+v\n%+v", err, again, c)
	}
}

// Each row is a rule of opm validate or of the pipelines of OperatorHub's catalogs.
func TestJudge_FindsEachMistake(t *testing.T) {
	at := func(c Catalog, name string) *Object {
		return &c[slices.IndexFunc(c, func(o Object) bool { return o.Name == name })]
	}
	for rule, row := range map[string]struct {
		spoil func(Catalog) Catalog
		want  string
	}{
		"dangling bundle":    {func(c Catalog) Catalog { return append(c, bundle("9.9.9")) }, "cannot be installed"},
		"entry without one":  {func(c Catalog) Catalog { return c[:len(c)-1] }, "the catalog does not"},
		"upgrade loop":       {func(c Catalog) Catalog { at(c, "stable").Entries[0].Replaces = "a.v0.2.0"; return c }, "are not replaced by another"},
		"two heads":          {func(c Catalog) Catalog { at(c, "stable").Entries[1].Replaces = ""; return c }, "2 entries"},
		"replaces available": {func(c Catalog) Catalog { at(c, "stable").Entries[0].Replaces = "a.v0.0.1"; return c }, "which it does not have"},
		"circle beside": {func(c Catalog) Catalog {
			at(c, "stable").Entries = []Entry{{Name: "a.v0.2.0"}, {Name: "a.v0.1.0", Replaces: "a.v0.2.0-rc.1"}, {Name: "a.v0.2.0-rc.1", Replaces: "a.v0.1.0"}}
			return c
		}, "has a loop"},
		"unique name":     {func(c Catalog) Catalog { return append(c, bundle("0.1.0")) }, "is there twice"},
		"default channel": {func(c Catalog) Catalog { at(c, "a").DefaultChannel = "gone"; return c }, "the default channel gone"},
		"image by digest": {func(c Catalog) Catalog { at(c, "a.v0.1.0").Image = "quay.io/a/b:v0.1.0"; return c }, "without its digest"},
		"bundle object": {func(c Catalog) Catalog {
			o := at(c, "a.v0.1.0")
			o.Properties = append(o.Properties, Property{"olm.bundle.object", 1})
			return c
		}, "olm.bundle.object"},
		"kinds":           {func(c Catalog) Catalog { at(c, "a.v0.1.0").Properties = nil; return c }, "lacks a package"},
		"package":         {func(c Catalog) Catalog { at(c, "a.v0.1.0").Package = "b"; return c }, "is of the package"},
		"unknown schema":  {func(c Catalog) Catalog { return append(c, Object{Schema: "x", Package: "a"}) }, "is unknown"},
		"without package": {func(c Catalog) Catalog { return c[1:] }, "there is no package"},
	} {
		if err := row.spoil(three(t)).Judge(); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v, want %q", rule, err, row.want)
		}
	}
	if err := three(t).Judge(); err != nil {
		t.Errorf("a valid catalog is refused: %v", err)
	}
}
