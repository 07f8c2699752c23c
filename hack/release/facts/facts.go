// Package facts reads release.yaml, the metadata of a release.
package facts

import (
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/yaml"
)

// Facts is release.yaml.
type Facts struct {
	Image           string       `json:"image"`
	MustGatherImage string       `json:"mustGatherImage"`
	BundleImage     string       `json:"bundleImage"`
	CatalogImage    string       `json:"catalogImage"`
	CreatedAt       time.Time    `json:"createdAt"`
	Channels        []string     `json:"channels"`
	DefaultChannel  string       `json:"defaultChannel"`
	OpenShift       string       `json:"openshift"`
	Kubernetes      string       `json:"kubernetes"`
	Provider        Link         `json:"provider"`
	Maintainers     []Maintainer `json:"maintainers"`
	Repository      string       `json:"repository"`
	Support         string       `json:"support"`
	Links           []Link       `json:"links"`
}

// Link is a name with a URL.
type Link struct {
	Name string `json:"name"`
	URL  string `json:"url"`
}

// Maintainer is a contact.
type Maintainer struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

// Read reads and validates the file.
func Read(file string) (*Facts, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	f := &Facts{}
	if err := yaml.UnmarshalStrict(raw, f); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if err := f.judge(); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return f, nil
}

// judge reports all missing values and placeholders at once.
func (f *Facts) judge() error {
	wrong := append(f.missing(), f.badAddresses()...)
	for _, value := range f.said() {
		if p := Placeholder(value); p != "" {
			wrong = append(wrong, fmt.Errorf("%q is a placeholder (%s)", value, p))
		}
	}
	return errors.Join(wrong...)
}

// missing are the values that are not set.
func (f *Facts) missing() []error {
	var wrong []error
	for name, value := range map[string]string{"image": f.Image, "mustGatherImage": f.MustGatherImage, "bundleImage": f.BundleImage, "catalogImage": f.CatalogImage, "repository": f.Repository,
		"support": f.Support, "defaultChannel": f.DefaultChannel, "openshift": f.OpenShift, "kubernetes": f.Kubernetes, "provider.name": f.Provider.Name} {
		if value == "" {
			wrong = append(wrong, fmt.Errorf("%s is missing", name))
		}
	}
	if f.CreatedAt.IsZero() || len(f.Maintainers) == 0 || len(f.Links) == 0 || !slices.Contains(f.Channels, f.DefaultChannel) {
		wrong = append(wrong, errors.New("createdAt, maintainers, links, or the default channel among the channels is missing"))
	}
	return wrong
}

// badAddresses are the invalid addresses and links.
func (f *Facts) badAddresses() []error {
	var wrong []error
	for _, m := range f.Maintainers {
		if address, err := mail.ParseAddress(m.Email); err != nil || address.Address != m.Email || m.Name == "" {
			wrong = append(wrong, fmt.Errorf("the maintainer %q needs a name and an address", m.Name))
		}
	}
	for _, l := range append(slices.Clone(f.Links), f.Provider, Link{URL: f.Repository}, Link{URL: f.Support}) {
		if u, err := url.Parse(l.URL); err != nil || u.Scheme != "https" || u.Host == "" {
			wrong = append(wrong, fmt.Errorf("%q is not an https link", l.URL))
		}
	}
	return wrong
}

// said is every text and link that users see.
func (f *Facts) said() []string {
	all := []string{f.Image, f.MustGatherImage, f.BundleImage, f.CatalogImage, f.Repository, f.Support, f.Provider.Name, f.Provider.URL}
	for _, m := range f.Maintainers {
		all = append(all, m.Name, m.Email)
	}
	for _, l := range f.Links {
		all = append(all, l.Name, l.URL)
	}
	return all
}

// placeholder matches the domains that RFC 2606 and RFC 6761 keep for examples, and other common placeholders.
var placeholder = regexp.MustCompile(`(?i)\bexample\.(com|org|net)\b|\.(example|invalid|test)\b|\b(TODO|FIXME|TBD|CHANGEME|REPLACE_\w+)\b|<[a-z -]+>`)

// Placeholder is the part of a text that should have been replaced.
func Placeholder(text string) string { return placeholder.FindString(text) }

var semver = regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?$`)

// ChannelsOf are the channels of a version.
func (f *Facts) ChannelsOf(version string) ([]string, error) {
	if !semver.MatchString(version) {
		return nil, fmt.Errorf("%q is not a version such as 0.1.0 or 0.2.0-rc.1", version)
	}
	if strings.Contains(version, "-") {
		return []string{"candidate"}, nil
	}
	return f.Channels, nil
}
