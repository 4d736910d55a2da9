"""The generated doors: list, form, detail, actions, API, imports, exports, files, pickers."""
