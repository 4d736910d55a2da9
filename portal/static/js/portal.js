// The entry: each behaviour is a module of its own; pages work without any of them.
import "./board.js";
import "./dialog.js";
import "./draft.js";
import "./filters.js";
import "./forms.js";
import "./keys.js";
import "./lookup.js";
import "./selection.js";
import "./toast.js";
import "./tray.js";
import "./menus.js";
import "./order.js";
