"""The network and the physics around it, written once against ``keras.ops``."""
