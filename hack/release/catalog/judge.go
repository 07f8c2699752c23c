package catalog

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
)

var byDigest = regexp.MustCompile(`^[^@\s]+@sha256:[0-9a-f]{64}$`)

// Judge reports all mistakes in the catalog: those that opm validate finds, and those that OperatorHub's pipelines
// find in addition (dangling bundles, loops, duplicate names, bundle objects).
func (c Catalog) Judge() error {
	var wrong []error
	bundles, inChannel, channels, seen := map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	var of *Object
	for i, o := range c {
		if key := o.Schema + "/" + o.Name; seen[key] {
			wrong = append(wrong, fmt.Errorf("%s is there twice", key))
		} else {
			seen[key] = true
		}
		switch o.Schema {
		case schemaPackage:
			of = &c[i]
		case schemaChannel:
			channels[o.Name] = true
			wrong = append(wrong, judgeChannel(o))
			for _, e := range o.Entries {
				inChannel[e.Name] = true
			}
		case schemaBundle:
			bundles[o.Name] = true
			wrong = append(wrong, judgeBundle(o))
		default:
			wrong = append(wrong, fmt.Errorf("the schema %q is unknown", o.Schema))
		}
	}
	if of == nil {
		return errors.Join(append(wrong, errors.New("there is no package"))...)
	}
	if len(channels) > 0 && !channels[of.DefaultChannel] && len(bundles) > 0 && !onlyCandidate(channels) {
		wrong = append(wrong, fmt.Errorf("the default channel %s does not exist", of.DefaultChannel))
	}
	wrong = append(wrong, missing(inChannel, bundles, errors.New("a channel contains it, but the catalog does not")), missing(bundles, inChannel, errDangling))
	for _, o := range c {
		if o.Schema != schemaPackage && o.Package != of.Name {
			wrong = append(wrong, fmt.Errorf("%s is of the package %q, not %s", o.Name, o.Package, of.Name))
		}
	}
	return errors.Join(wrong...)
}

// onlyCandidate is true before the first release.
func onlyCandidate(channels map[string]bool) bool { return len(channels) == 1 && channels["candidate"] }

func missing(want, have map[string]bool, why error) error {
	var wrong []error
	for name := range want {
		if !have[name] {
			wrong = append(wrong, fmt.Errorf("%s: %w", name, why))
		}
	}
	return errors.Join(wrong...)
}

func judgeChannel(o Object) error {
	if _, err := head(o.Entries); err != nil {
		return fmt.Errorf("the channel %s: %w", o.Name, err)
	}
	replaces := map[string]string{}
	for _, e := range o.Entries {
		if _, twice := replaces[e.Name]; twice {
			return fmt.Errorf("the channel %s has %s twice", o.Name, e.Name)
		}
		replaces[e.Name] = e.Replaces
	}
	for name, before := range replaces {
		if _, ok := replaces[before]; before != "" && !ok {
			return fmt.Errorf("the channel %s: %s replaces %s, which it does not have", o.Name, name, before)
		}
		steps := 0
		for at := before; at != ""; at = replaces[at] {
			if steps++; steps > len(replaces) {
				return fmt.Errorf("the channel %s has a loop at %s", o.Name, name)
			}
		}
	}
	return nil
}

func judgeBundle(o Object) error {
	var wrong []error
	for _, image := range append([]RelatedImage{{Image: o.Image}}, o.RelatedImages...) {
		if !byDigest.MatchString(image.Image) {
			wrong = append(wrong, fmt.Errorf("%s names the image %q without its digest", o.Name, image.Image))
		}
	}
	count := map[string]int{}
	for _, p := range o.Properties {
		count[p.Type]++
	}
	if count["olm.package"] != 1 || count["olm.csv.metadata"] != 1 || count["olm.gvk"] == 0 {
		wrong = append(wrong, fmt.Errorf("%s lacks a package, its metadata or its kinds", o.Name))
	}
	if count["olm.bundle.object"] > 0 {
		wrong = append(wrong, fmt.Errorf("%s has an olm.bundle.object, which is not allowed in catalogs for OpenShift 4.17 and later", o.Name))
	}
	if !slices.ContainsFunc(o.RelatedImages, func(r RelatedImage) bool { return r.Image == o.Image }) {
		wrong = append(wrong, fmt.Errorf("%s is not among its own related images, so mirrors would not copy it", o.Name))
	}
	return errors.Join(wrong...)
}
