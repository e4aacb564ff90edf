package app

import (
	"runtime/debug"
)

// Build says which hotlead this is. Version is "(devel)" and Commit "" where Go could not tell; a Commit that ends in
// "+changes" was built from files that had been changed since.
type Build struct {
	Version, Commit, Go string
}

// ReadBuild reads what Go wrote into the binary.
func ReadBuild() Build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return Build{Version: "(devel)"}
	}
	b := Build{Version: info.Main.Version, Go: info.GoVersion}
	if b.Version == "" {
		b.Version = "(devel)"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			b.Commit = s.Value
		}
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.modified" && s.Value == "true" && b.Commit != "" {
			b.Commit += "+changes"
		}
	}
	return b
}
