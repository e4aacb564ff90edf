package scorer

// ReadModel reads a model file. file is its name, for the errors. Mistakes are told all at once, as ModelErrors.
func ReadModel(file string, text []byte) (*Model, error) {
	return nil, ModelErrors{{File: file, Line: 1, Column: 1, Message: "models can't be read yet"}}
}
